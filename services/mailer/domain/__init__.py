"""Decisions about letters and their delivery; their text and MIME; pure."""

"""Counts, decisions and words of the office's board; pure."""

"""Decisions about credentials, status lists, revocation and the public count; pure."""

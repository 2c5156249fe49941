"""Errors named after what the caller should do. Raised by every service; each text says got, expected, what next."""

from __future__ import annotations


def cause_of(error: BaseException, longest: int) -> str:
    """What an error says, as any table and any message holds it: it may quote what a stranger sent."""
    text = f"{type(error).__name__}: {error}".replace("\0", "")
    return text.encode(errors="backslashreplace").decode()[:longest]


class AkashiError(Exception):
    """Any error of ours that a person may read."""


class RefuseToStart(AkashiError):
    """A setting is missing or impossible: correct the setting and start again."""


class Unreadable(AkashiError):
    """Bytes that can't be the message they should be: put them aside (dead letter), go on with the rest."""


class NotYetKnown(Unreadable):
    """A message of a later release: keep it, and read it again when this service is that release."""


class TooLarge(AkashiError):
    """A message that no topic takes: the fault is in what was to be announced."""


class TryLater(AkashiError):
    """An outside party is away or slow: leave the row pending, the next tick does it again."""


class NotFound(AkashiError):
    """What was asked for does not exist."""

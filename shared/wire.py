"""How an event travels: a CloudEvents 1.0 envelope in structured mode, JSON.

Written by every outbox, read by every consumer.
Source of the format: CloudEvents 1.0.2, Kafka protocol binding, section 3.3 (structured content mode).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from shared.count_events import StatementAnchored, StatementPublished
from shared.erasure_events import AssertionsErased, PersonErased
from shared.errors import NotYetKnown, Unreadable
from shared.events import (
    AddressCorrected,
    AssertionAnchored,
    AssertionIssued,
    AssertionRevoked,
    BadgeReceived,
    BadgeVisibilityChanged,
    CertificateRendered,
    Event,
    IssuanceRefused,
    LetterUpdated,
    RegistrationHeld,
    RegistrationRejected,
    RegistrationReleased,
    RegistrationRenewed,
    RenderingFailed,
)
from shared.letter_events import AccountLetterRequested, DeskLetterRequested, RequestedLetterUpdated
from shared.office_events import (
    AccountChanged,
    CohortHoldChanged,
    DecisionSettled,
    ObjectsScrubbed,
    OfficeDecided,
    RebuildOrdered,
    RestoreNoticed,
    ScrubOrdered,
)
from shared.paper_events import PaperOrdered, PaperUpdated, PrintSheetOrdered, PrintSheetRendered
from shared.recovery_events import AddressRecoveryBegun, AddressRecoverySettled

CONTENT_TYPE = b"application/cloudevents+json; charset=UTF-8"

EVENTS: tuple[type[Event], ...] = (
    RegistrationRenewed,
    AddressCorrected,
    RegistrationHeld,
    RegistrationReleased,
    RegistrationRejected,
    CohortHoldChanged,
    AssertionIssued,
    IssuanceRefused,
    LetterUpdated,
    RequestedLetterUpdated,
    BadgeReceived,
    BadgeVisibilityChanged,
    AssertionAnchored,
    CertificateRendered,
    RenderingFailed,
    AssertionRevoked,
    StatementPublished,
    StatementAnchored,
    AddressRecoveryBegun,
    AddressRecoverySettled,
    DeskLetterRequested,
    PaperOrdered,
    PaperUpdated,
    PrintSheetOrdered,
    PrintSheetRendered,
    AccountLetterRequested,
    OfficeDecided,
    DecisionSettled,
    AccountChanged,
    RebuildOrdered,
    ScrubOrdered,
    ObjectsScrubbed,
    RestoreNoticed,
    PersonErased,
    AssertionsErased,
)
"""Every event that travels, in order of time."""

_TYPES: dict[str, type[Event]] = {f"akashi.{event.__name__}": event for event in EVENTS}
_NAMES: dict[type[Event], str] = {event: name for name, event in _TYPES.items()}


class _Envelope(msgspec.Struct, frozen=True, omit_defaults=True):
    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str
    data: msgspec.Raw
    cause: str | None = None  # extension attribute: the id of the event that led to this one


_encoder = msgspec.json.Encoder()
_envelopes = msgspec.json.Decoder(_Envelope)
_readers: dict[str, msgspec.json.Decoder[Any]] = {name: msgspec.json.Decoder(kind) for name, kind in _TYPES.items()}


def encode(event: Event, *, source: str, at: datetime, cause: Event | None = None) -> bytes:
    """The envelope around `event`; `source` is the service's name, `at` an aware time."""
    return _encoder.encode(
        _Envelope(
            specversion="1.0",
            id=str(event.id),
            source=f"akashi/{source}",
            type=_NAMES[type(event)],
            subject=event.key,
            time=at,
            datacontenttype="application/json",
            data=msgspec.Raw(_encoder.encode(event)),
            cause=str(cause.id) if cause is not None else None,
        )
    )


def source_of(value: bytes) -> str | None:
    """The service that announced the event in an envelope; None for bytes that are no envelope of ours."""
    try:
        source = _envelopes.decode(value).source
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return source.removeprefix("akashi/") if source.startswith("akashi/") else None


def decode(value: bytes | None) -> Event:
    """The event in an envelope. Unreadable when the bytes are not one of our events, with got and expected.

    NotYetKnown for an event type, or a word of a closed list, that this release lacks: a later one may have it.
    """
    if value is None:
        raise Unreadable("got no value, expected a CloudEvents envelope")
    try:
        envelope = _envelopes.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"expected a CloudEvents envelope, got {len(value)} bytes: {error}") from error
    reader = _readers.get(envelope.type)
    if reader is None:
        unreadable = NotYetKnown if envelope.type.startswith("akashi.") else Unreadable
        raise unreadable(f"got type {envelope.type[:100]!r}, expected one of {sorted(_readers)}")
    try:
        event: Event = reader.decode(envelope.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        # msgspec's own words for a Literal that lacks the value that came.
        unreadable = NotYetKnown if str(error).startswith("Invalid enum value") else Unreadable
        raise unreadable(f"expected the data of {envelope.type}: {error}") from error
    return event

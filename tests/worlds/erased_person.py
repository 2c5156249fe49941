"""A person who is erased, for the tests of ops: two registrations, all that is said of them, and of others."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from services.ops.ports import Ports
from shared.erasure_events import AssertionsErased, PersonErased
from shared.events import (
    AddressCorrected,
    AssertionIssued,
    Event,
    RegistrationHeld,
    RegistrationRejected,
    RegistrationRenewed,
)
from shared.letter_events import RequestedLetterUpdated
from shared.office_events import DecisionSettled
from shared.paper_events import PaperOrdered, PaperUpdated
from shared.recovery_events import AddressRecoveryBegun
from tests.worlds.cohorts import (
    again,
    assertion_id,
    at,
    cycle,
    failed,
    held,
    issued,
    letter,
    refused,
    renewed,
    revoked,
    version_id,
)
from tests.worlds.ops import tell
from tests.worlds.tables import rows_at

E = TypeVar("E", bound=Event)
PERSON = ("R00001", "R00002")
BADGES = (assertion_id(1), version_id(1, 2), assertion_id(2))
PERSONAL = ("消去", "花子", "SHOUKYO", "PASS-7001", "NUMBER-7001", "H7001", "hanako", "4021-5566", "渡辺")
"""What nobody else in these tests has."""
DECISION = "erase/R00001"
GONE = PersonErased(decision_id=DECISION, subject="R00001", registration_ids=PERSON, erased_at=at(60))
BADGES_GONE = AssertionsErased(
    decision_id=DECISION, subject="R00001", registration_ids=PERSON, assertion_ids=BADGES, erased_at=at(61)
)


def of_them(event: E) -> E:
    """The event with the name and the numbers of the person."""
    if isinstance(event, RegistrationRenewed | AssertionIssued):
        holder = msgspec.structs.replace(
            event.holder,
            person_id="H7001",
            family_name="消去",
            given_name="花子",
            family_name_latin="SHOUKYO",
            email="hanako@example.jp",
        )
        award = msgspec.structs.replace(event.award, pass_number="PASS-7001", registration_number="NUMBER-7001")
        return msgspec.structs.replace(event, holder=holder, award=award)
    if isinstance(event, RegistrationHeld):
        return msgspec.structs.replace(event, person_id="H7001", name="消去 花子")
    return event


def their_events() -> list[Event]:
    """All that is said of the person: two registrations, one corrected, with letters, faults and paper."""
    about = [
        held(1),
        *cycle(1),
        again(renewed(1), 2, correction="改姓"),
        again(issued(1, 20), 2),
        revoked(1, 20, replaced=True),
        again(letter(1, "correction", "bounced", 21, answer="550 no mailbox"), 2),
        *cycle(2),
        refused(1, 3),
        failed(2),
        AddressCorrected(
            registration_id="R00001",
            cohort="2026",
            email="hanako@example.jp",
            version=2,
            revision=1,
            corrected_at=at(22),
        ),
        AddressRecoveryBegun(
            recovery_id="r1",
            person_id="H7001",
            registration_id="R00001",
            email="hanako@example.jp",
            former_email=None,
            begun_at=at(23),
            takes_effect_at=at(99),
            stop_url="https://example.jp/stop",
        ),
        PaperOrdered(order_id="10000001", registration_id="R00001", items=("card",), total=2500, ordered_at=at(24)),
        PaperUpdated(
            order_id="10000001",
            item="card",
            state="sent",
            revision=3,
            at=at(25),
            shipper="渡辺運送",
            tracking="4021-5566",
        ),
        RequestedLetterUpdated(
            letter_id="paper-sent/x/10000001/4021-5566",
            letter="paper-sent",
            message_id="<1@example.jp>",
            state="bounced",
            attempt=1,
            at=at(26),
        ),
        RegistrationRejected(
            rejection_id="a", source="f", row=7, field="registration_number", expected="x", got="NUMBER-7001"
        ),
    ]
    return [of_them(event) for event in about]


REVOKED: list[Event] = [
    msgspec.structs.replace(revoked(1, 60, version=2), erased=True),
    msgspec.structs.replace(revoked(2, 60), erased=True),
]
OTHERS: list[Event] = [
    *cycle(0),
    *cycle(3),
    held(4, "missing-address"),
    PaperOrdered(order_id="10000009", registration_id="R00003", items=("card",), total=2500, ordered_at=at(24)),
    RegistrationRejected(rejection_id="b", source="f", row=8, field="kind", expected="new", got="nwe"),
]


def settle(ports: Ports, *services: str, decision_id: str = DECISION, outcome: str = "done") -> None:
    for service in services:
        tell(
            ports,
            DecisionSettled(
                decision_id=decision_id, subject="R00001", service=service, outcome=outcome, settled_at=at(62)
            ),
        )


def erased(ports: Ports) -> None:
    """What registration and the issuer announce of the erasure."""
    tell(ports, GONE, *REVOKED, BADGES_GONE)


def said_in(url: str, words: tuple[str, ...]) -> set[str]:
    """The tables that have one of these words in a row."""
    columns: dict[str, list[str]] = {}
    for table, name, kind in rows_at(
        url,
        "select table_name::text, column_name::text, data_type::text from information_schema.columns"
        " where table_schema = current_schema() and table_name not in (select viewname::text from pg_views)",
    ):
        columns.setdefault(table, []).append(f'"{name}"' if kind == "bytea" else f'"{name}"::text')
    found = set()
    for table, names in columns.items():
        for row in rows_at(url, f'select {", ".join(names)} from "{table}"'):
            cells = [bytes(cell).decode(errors="replace") if isinstance(cell, bytes) else str(cell) for cell in row]
            if any(word in cell for word in words for cell in cells):
                found.add(table)
    return found

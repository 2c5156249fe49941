"""The screen where people register their address (メールアドレス登録・修正画面). Step 2, before its judgement.

Signing in, asking for an address, confirming it by the link that is sent there. That an address is another person's is
said at the confirmation only: to the reader of that mailbox, not to people who try addresses.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Literal

from services.registration.domain import sign_in as rules
from services.registration.domain.address_letters import address_changed_letters, screen_cause
from services.registration.domain.address_screen import (
    KEPT,
    LINK,
    PRESSES,
    RequestState,
    Screen,
    is_anothers,
    is_same,
    request_state,
    screen_of,
)
from services.registration.domain.own_address import AddressProblem, Advice, OwnAddress, advice, read_address
from services.registration.domain.sign_in import SignInForm, SignInProblems, sign_in_key
from services.registration.metrics import CONFIRMATIONS, SIGN_INS
from services.registration.people import recovery
from services.registration.people.ports import DeskPorts
from services.registration.store import RegistrationTransaction
from services.registration.store.address_screen import AddressRequest
from shared.letter_events import DeskLetterRequested
from shared.links import is_mail_token, mail_token
from shared.runtime.log import logger
from shared.runtime.web.language import Language

CONFIRMATION = "confirm-address"  # the purpose of its links
_FORGET = 1000  # rows a tick

log = logger("registration")

Limited = Literal["limit"]


@dataclass(frozen=True)
class Entry:
    """An address as the person is shown it before the letter goes out. `notice_on`: once it is confirmed today."""

    address: OwnAddress
    advice: tuple[Advice, ...]
    notice_on: date | None


@dataclass(frozen=True)
class Confirmation:
    """What became of a request, as its link shows it. Without a request only `state`."""

    state: RequestState | Literal["unknown-link"]
    request: AddressRequest | None = None
    screen: Screen | None = None


# ── sign in ────────────────────────────────────────────────────────────────────────────────────────────


def sign_in(desk: str, form: SignInForm, source: str, former: str | None, ports: DeskPorts) -> str | SignInProblems:
    """The token of a new session at this desk. `former` is the token that the browser sent, whose session ends.

    An unknown number and a wrong date get the same answer, by the same queries.
    """
    born = rules.form_problems(form)
    if isinstance(born, SignInProblems):
        return born
    key = sign_in_key(form.number)
    flood, *questions = limits = ports.blinded(
        [rules.flood_limit(source), *rules.question_limits(source, f"{desk}/{key}")]
    )
    with ports.store.transaction() as tx:
        over = tx.attempts.count(limits)
    # Counted before anything is compared: who sends a hundred requests at once has used them up.
    if flood in over:
        SIGN_INS.labels("blocked").inc()
        return SignInProblems(refused="blocked")
    asks_contact = any(limit in over for limit in questions)
    if asks_contact and not form.contact.strip():
        SIGN_INS.labels("asked").inc()
        return SignInProblems(contact="missing", asks_contact=True)
    token = ports.new_token()
    with ports.store.transaction() as tx:
        found = rules.matching(
            tx.with_pass_number(key, ports.qualifications(desk)), born, form.contact if asks_contact else None
        )
        if found is not None:
            tx.attempts.forgive(limits)
            if former:
                tx.close_session(_sha256(former))
            tx.open_session(_sha256(token), desk, found.id, rules.SESSION)
    # If we die here, the session stands and nobody has its token.
    SIGN_INS.labels("wrong" if found is None else "signed-in").inc()
    return token if found else SignInProblems(refused="wrong", asks_contact=asks_contact)


def sign_out(token: str | None, ports: DeskPorts) -> None:
    if token:
        with ports.store.transaction() as tx:
            tx.close_session(_sha256(token))


def screen(desk: str, token: str | None, ports: DeskPorts) -> Screen | None:
    """What the visitor sees at this desk; None for a visitor who is not signed in there."""
    if not token:
        return None
    with ports.store.transaction() as tx:
        return _screen(tx, desk, token, ports)


def _screen(tx: RegistrationTransaction, desk: str, token: str, ports: DeskPorts) -> Screen | None:
    id = tx.session(_sha256(token), desk)
    return None if id is None else _screen_of(tx, id, ports)


def _screen_of(tx: RegistrationTransaction, id: str, ports: DeskPorts) -> Screen | None:
    own = tx.registrations([id]).get(id)
    if own is None:
        return None
    uses = tx.address_uses([own.address_key] if own.address_key else [], ports.cycle.begins_on)
    person_id = own.record.person_id
    waiting = tx.waiting_recovery(person_id)
    return screen_of(own, tx.of_person(person_id), uses, ports.programme, ports.cycle, ports.now(), waiting)


# ── ask for an address ─────────────────────────────────────────────────────────────────────────────────


def enter(screen: Screen, text: str) -> Entry | AddressProblem:
    """The typed address with what to say about it, or what is wrong with it. Looks at the person's own record only."""
    address = read_address(text)
    if not isinstance(address, OwnAddress):
        return address
    return Entry(address, advice(address, screen.own.record.contact_email), screen.notice_on_with(address))


def request_confirmation(
    desk: str, token: str, address: OwnAddress, language: Language, ports: DeskPorts
) -> AddressRequest | Limited | None:
    """Send a link to the address; earlier links of this person end. None if the visitor may not, or is not signed in.

    A button that is pressed twice, in one tab or in two, sends one letter. The answer does not depend on who has the
    address.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        tx.lock()  # one at a time: each knows of the links before it
        screen = _screen(tx, desk, token, ports)
        if screen is None or not screen.takes_address:
            return None
        own = screen.own
        pressed = tx.pending_request(own.id, address.mailed, since=now - PRESSES)
        if pressed is not None and pressed.recovers == (screen.access == "recover"):
            return pressed
        if tx.attempts.is_over(ports.blinded(rules.letter_limits(own.record.person_id, address.key))):
            CONFIRMATIONS.labels("limit").inc()
            return "limit"
        request = AddressRequest(
            request_id=ports.new_token(),
            desk=desk,
            registration_id=own.id,
            person_id=own.record.person_id,
            address=address.mailed,
            language=language,
            expires_at=now + LINK,
            recovers=screen.access == "recover",
        )
        tx.add_request(request)
        tx.announce(_confirmation_letter(request, screen, ports))
        # If we die before the commit, nothing was asked for; after it, the outbox sends the letter.
    CONFIRMATIONS.labels("requested").inc()
    log.info("queued", registration_id=request.registration_id)
    return request


def _confirmation_letter(request: AddressRequest, screen: Screen, ports: DeskPorts) -> DeskLetterRequested:
    language = request.language
    record = screen.own.record
    notice_on = screen.notice_on_with(OwnAddress(request.address))
    later = "登録手続きの完了後" if language == "ja" else "after your registration is completed"
    facts = {
        "name": f"{record.family_name} {record.given_name}",
        "qualification": record.qualification,
        "link": confirmation_url(request.request_id, ports),
        "hours": str(int(LINK.total_seconds() // 3600)),
    }
    if request.recovers:
        facts["days"] = str(ports.recovery_wait.days)
    else:
        facts["deadline"] = screen.confirm_until.isoformat()
        facts["notice_date"] = notice_on.isoformat() if notice_on else later
    return DeskLetterRequested(
        letter_id=f"{CONFIRMATION}/{request.request_id}",
        letter="recover-address" if request.recovers else "confirm-address",
        recipient=request.address,
        facts=facts,
        requested_at=ports.now(),
        language=language,
        reply_to=ports.programme.desks[request.desk].email,
        valid_until=request.expires_at,
    )


def confirmation_url(request_id: str, ports: DeskPorts) -> str:
    return f"{ports.desk_url}/confirm/{request_id}/{mail_token(ports.secret, CONFIRMATION, request_id)}"


# ── confirm it ─────────────────────────────────────────────────────────────────────────────────────────


def look_at(request_id: str, token: str, ports: DeskPorts) -> Confirmation:
    """What a link is about. Changes nothing: mail scanners follow links, too."""
    if not is_mail_token(ports.secret, CONFIRMATION, request_id, token):
        return Confirmation("unknown-link")
    with ports.store.transaction() as tx:
        return _look_at(tx, request_id, ports)


def _look_at(tx: RegistrationTransaction, request_id: str, ports: DeskPorts) -> Confirmation:
    request = tx.request(request_id)
    if request is None:
        return Confirmation("unknown-link")
    state = request_state(request.outcome, request.expires_at, ports.now())
    screen = _screen_of(tx, request.registration_id, ports)
    if state == "pending" and (screen is None or screen.access != ("recover" if request.recovers else "open")):
        state = "closed"
    return Confirmation(state, request, screen)


def confirm(request_id: str, token: str, ports: DeskPorts) -> Confirmation:
    """Step 2. The address becomes the person's, and nobody else's. Repeating it only returns what became of it.

    After the issue the change of address only begins here: see `recovery.py`. Both addresses, the former and the new
    one, are told. If several people confirm one address at the same time, one gets it: each holds the writers' lock.
    """
    if not is_mail_token(ports.secret, CONFIRMATION, request_id, token):
        return Confirmation("unknown-link")
    with ports.store.transaction() as tx:
        tx.lock()
        found = _look_at(tx, request_id, ports)
        if found.request is None or found.state != "pending" or found.screen is None:
            return found
        request, screen = found.request, found.screen
        address = OwnAddress(request.address)
        if is_anothers(request.person_id, tx.address_uses([address.key], ports.cycle.begins_on)):
            outcome: RequestState = "taken"
        elif request.recovers:
            outcome = "confirmed"
            recovery.begin(tx, request, screen.own, ports)
        else:
            outcome = "confirmed"
            for registration in screen.to_change:
                tx.confirm_address(registration, address.mailed)
            tx.announce(*_change_letters(request, screen, ports))
        tx.settle_request(request_id, outcome)
        after = _look_at(tx, request_id, ports)
        # If we die before the commit, the link can still be used; after it, it says what became of it.
    CONFIRMATIONS.labels(outcome).inc()
    log.info("accepted" if outcome == "confirmed" else "rejected", registration_id=request.registration_id)
    ports.wake()
    return after


def _change_letters(request: AddressRequest, screen: Screen, ports: DeskPorts) -> list[DeskLetterRequested]:
    """To each former address of the person and the new one; none where it is the address on file."""
    own, address = screen.own, OwnAddress(request.address)
    others = [each for each in screen.to_change if each.id != own.id and each.address_key is not None]
    left = {each.address_key: each for each in (*reversed(others), own) if not is_same(each, address)}
    return [
        letter
        for each in left.values()
        for letter in address_changed_letters(
            each,
            each.email,
            request.address,
            screen_cause(request.request_id, each.id),
            ports.now(),
            ports.programme,
            request.language,
        )
    ]


# ── by itself ──────────────────────────────────────────────────────────────────────────────────────────


def forget(ports: DeskPorts) -> int:
    """Tick. Delete ended sessions, attempts, requests; no answer depends on it, because the queries compare times."""
    with ports.store.transaction() as tx:
        return tx.forget_past(KEPT, _FORGET)


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

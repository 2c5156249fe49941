"""A badge holder has lost the mailbox: the change begins at the address screen, waits, then moves or is stopped.

Any time. Letters, badges that wait for their receipt and the wallet's account go to the new address together; the
wallet does its part by AddressRecoverySettled.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from operator import itemgetter

from services.registration.domain.address_letters import address_changed_letters
from services.registration.domain.address_screen import is_anothers
from services.registration.domain.correction import cohort_of
from services.registration.domain.recovery import Recovery, begun_letters, has_badge, is_to_move
from services.registration.domain.registration import Registration, amended
from services.registration.metrics import RECOVERIES
from services.registration.people.ports import DeskPorts
from services.registration.store import RegistrationTransaction
from services.registration.store.address_screen import AddressRequest
from shared.addresses import as_mailed, same_address_key
from shared.errors import cause_of
from shared.events import AddressCorrected
from shared.links import is_mail_token, mail_token
from shared.programme import Programme
from shared.recovery_events import RecoveryOutcome
from shared.runtime.log import logger
from shared.runtime.rows import in_parts

_PURPOSE = "stop-recovery"
_AT_ONCE = 100

log = logger("registration")


def begin(tx: RegistrationTransaction, request: AddressRequest, own: Registration, ports: DeskPorts) -> None:
    """The address was proven: it waits. Each address on file is told, and gets the link that stops the change."""
    now = ports.now()
    recovery = Recovery(
        recovery_id=request.request_id,
        person_id=request.person_id,
        registration_id=own.id,
        email=as_mailed(request.address),
        former_email=None if own.email is None else as_mailed(own.email),
        language=request.language,
        begun_at=now,
        takes_effect_at=now + ports.recovery_wait,
    )
    tx.begin_recovery(recovery)
    url = stop_url(recovery.recovery_id, ports)
    tx.announce(recovery.begun(url), *begun_letters(recovery, tx.of_person(recovery.person_id), url, ports.programme))
    RECOVERIES.labels("begun").inc()
    log.info("queued", registration_id=own.id)


def stop_url(recovery_id: str, ports: DeskPorts) -> str:
    return f"{ports.desk_url}/stop/{recovery_id}/{mail_token(ports.secret, _PURPOSE, recovery_id)}"


def look_at(recovery_id: str, token: str, ports: DeskPorts) -> Recovery | None:
    """What the link stops; None for an unknown link. Changes nothing: mail scanners follow links, too."""
    if not is_mail_token(ports.secret, _PURPOSE, recovery_id, token):
        return None
    with ports.store.transaction() as tx:
        return tx.recovery(recovery_id)


def stop(recovery_id: str, token: str, ports: DeskPorts) -> Recovery | None:
    """Nothing changes any more, if it has not taken effect yet. The link works as often as it is pressed."""
    if not is_mail_token(ports.secret, _PURPOSE, recovery_id, token):
        return None
    with ports.store.transaction() as tx:
        tx.lock()
        found = tx.recovery(recovery_id)
        if found is not None and found.outcome is None:
            settle(tx, found, "stopped", ports.now())
            log.info("rejected", registration_id=found.registration_id)
        # If we die before the commit, it still waits, and the link stops it; after it, the wallet is told.
    return look_at(recovery_id, token, ports)


def settle(tx: RegistrationTransaction, recovery: Recovery, outcome: RecoveryOutcome, now: datetime) -> None:
    """Store, announce and count the outcome."""
    tx.settle_recovery(recovery, outcome, now)
    RECOVERIES.labels(outcome).inc()


def move_due(ports: DeskPorts) -> int:
    """Tick. What nobody has stopped takes effect; returns how many were settled."""
    now = ports.now()
    with ports.store.transaction() as tx:
        if not tx.has_due_recoveries(now):
            return 0
        tx.lock()
        tx.recoveries_wait_by_our_clock(now)
        due = tx.due_recoveries(now, _AT_ONCE)

        def work(part: Sequence[Recovery]) -> None:
            for each in part:
                move(tx, each, ports.programme, ports.cycle.begins_on, now)

        def put_aside(recovery: Recovery, error: Exception) -> None:
            log.error("failed", registration_id=recovery.registration_id, cause=cause_of(error, 300))
            tx.try_recovery_later(recovery)

        in_parts(tx, due, work, put_aside, tick="recoveries")
        # If we die before the commit, nothing has moved, and the next tick moves it; after it, the outbox tells all.
    ports.wake()
    return len(due)


def move(tx: RegistrationTransaction, recovery: Recovery, programme: Programme, begins_on: date, now: datetime) -> None:
    """Under the writers' lock. Move all of the person's to the new address, unless another person has come to use it.

    The former addresses and the new one are told.
    """
    if is_anothers(recovery.person_id, tx.address_uses([same_address_key(recovery.email)], begins_on)):
        settle(tx, recovery, "address-taken", now)
        return
    left: dict[str, Registration] = {}  # by the former address
    of_person = tx.of_person(recovery.person_id)
    # Those that the issuer has not answered yet go there as their next version.
    unanswered = [
        amended(each, each.record)
        for each in of_person
        if each.state == "released" and not has_badge(each) and is_to_move(each, recovery.former_email)
    ]
    tx.update(unanswered, now, judge=True)
    for each in of_person:
        if not has_badge(each) or each.address_key == same_address_key(recovery.email):
            continue
        revision = tx.move_letters(each.id, recovery.email, now)
        tx.announce(
            AddressCorrected(
                registration_id=each.id,
                cohort=cohort_of(each),
                email=recovery.email,
                version=each.version,
                revision=revision,
                corrected_at=now,
            )
        )
        left.setdefault(each.address_key or "", each)
    for each in tx.move_open(recovery.person_id, recovery.email, recovery.former_email, now):
        if each.address_key is not None:
            left.setdefault(each.address_key, each)
    for number, (_, each) in enumerate(sorted(left.items(), key=itemgetter(0))):
        cause = f"recovery/{recovery.recovery_id}/{number}"
        tx.announce(
            *address_changed_letters(each, each.email, recovery.email, cause, now, programme, recovery.language)
        )
    settle(tx, recovery, "moved", now)
    log.info("accepted", registration_id=recovery.registration_id)

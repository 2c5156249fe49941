"""What the wallet does, in order: one function per batch of events, per tick, per request of a person."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol

from services.wallet.domain import accounts
from services.wallet.domain.accounts import NameProblem, PasswordProblem
from services.wallet.domain.holding import Badge, Document, document_key, is_finished, state_of
from services.wallet.passwords import Passwords
from services.wallet.store import Account, Store, WalletTransaction
from shared.addresses import same_address_key
from shared.clock import Clock
from shared.errors import NotFound
from shared.events import AssertionAnchored, AssertionIssued, AssertionRevoked, CertificateRendered
from shared.links import is_receive_token
from shared.programme import Programme
from shared.runtime.log import logger
from shared.runtime.metrics import counter

_LOG = logger("wallet")
RECEIVED = counter("wallet_received", "Badges received by their holders")
CARRIED_OVER = counter("wallet_carried_over", "Corrected badges that went to the account that had them before")
_EDITION = re.compile(r"[0-9A-Za-z]+(-[0-9]+)?")
REFUSED = counter("wallet_refused", "What people asked for and did not get, by reason", ("reason",))


class Objects(Protocol):
    def get(self, key: str) -> bytes: ...  # NotFound, TryLater


@dataclass(frozen=True)
class Ports:
    store: Store
    objects: Objects
    now: Clock
    programme: Programme
    passwords: Passwords
    new_token: Callable[[], str]
    link_secret: bytes
    session: timedelta


# ── what the other services say ────────────────────────────────────────────────────────────────────────


def note_issued(events: Sequence[AssertionIssued], ports: Ports) -> None:
    """Step 3 has happened: the badge waits to be received.

    One that corrects another goes at once to the account that has the other, if that account has proven the address of
    the new one. What its holder decided about the public page goes with it.
    """
    with ports.store.transaction() as tx:
        if not (new := tx.claim(events)):
            return
        corrected = [event.award.registration_id for event in new if event.version > 1]
        tx.lock_versions(corrected)
        tx.save_issued(new)
        for each in tx.to_carry_over(corrected):
            _receive(tx, each.assertion_id, each.account_id)
            if not each.details_public:
                tx.show_details(each.assertion_id, each.account_id, public=False)
            CARRIED_OVER.inc()


def note_anchored(events: Sequence[AssertionAnchored], ports: Ports) -> None:
    """Step 7 has happened, whether or not we have heard of the badge itself."""
    with ports.store.transaction() as tx:
        if new := tx.claim(events):
            tx.save_anchored(new)


def note_rendered(events: Sequence[CertificateRendered], ports: Ports) -> None:
    """Step 8 has happened, whether or not we have heard of the badge itself."""
    with ports.store.transaction() as tx:
        if new := tx.claim(events):
            tx.save_rendered(new)


def note_revoked(events: Sequence[AssertionRevoked], ports: Ports) -> None:
    """The badge no longer counts: it can't be received any more, and its PDFs are given out no more."""
    with ports.store.transaction() as tx:
        if new := tx.claim(events):
            tx.save_revoked(new)


def forget(ports: Ports) -> int:
    """Tick. Sessions and attempts whose time is over; answers don't depend on it, for the queries look at the time."""
    with ports.store.transaction() as tx:
        return tx.forget_past(accounts.ATTEMPTS_WINDOW, most=1000)


# ── the link of letter 1 ───────────────────────────────────────────────────────────────────────────────

Door = Literal[
    "account",
    "login",
    "receive",
    "received",
    "unknown-link",
    "not-here-yet",
    "revoked",
    "expired",
    "corrected",  # the badge of the visit is the new one, at the same address
    "corrected-elsewhere",  # at another address: this link does not prove that one
]
_NOTHING_TO_RECEIVE: tuple[Door, ...] = ("revoked", "expired", "corrected", "corrected-elsewhere")


@dataclass(frozen=True)
class Visit:
    """What a link opens for this visitor: the door, and what stands behind it."""

    door: Door
    badge: Badge | None = None
    account: Account | None = None


@dataclass(frozen=True)
class Entered:
    """The person is in: a new session (None when the old one goes on) and the badge."""

    assertion_id: str
    token: str | None


@dataclass(frozen=True)
class Refused:
    """The person is not in, and what to mend."""

    name: NameProblem | None = None
    password: PasswordProblem | None = None
    login: Literal["wrong", "blocked"] | None = None


def open_link(assertion_id: str, link_token: str, session: str | None, ports: Ports) -> Visit:
    """Look at a link. Changes nothing: mail scanners follow links too."""
    if not is_receive_token(ports.link_secret, assertion_id, link_token):
        REFUSED.labels("unknown-link").inc()
        return Visit("unknown-link")
    with ports.store.transaction() as tx:
        return _visit(tx, assertion_id, session, ports)


def _visit(tx: WalletTransaction, assertion_id: str, session: str | None, ports: Ports) -> Visit:
    badge = tx.badge(assertion_id)
    if badge is None:
        return Visit("not-here-yet")  # the link is ours, so the badge exists: its event is on the way
    visitor = tx.account_in(_sha256(session)) if session else None
    state = state_of(badge, ports.now())
    newest = tx.badge(badge.corrected_by) if badge.corrected_by else None
    if newest is not None and same_address_key(newest.holder.email) == same_address_key(badge.holder.email):
        return Visit("corrected", newest, visitor)
    if badge.account_id is not None:
        own = visitor is not None and visitor.account_id == badge.account_id
        return Visit("received" if own else "login", badge, visitor)
    if state == "corrected":
        return Visit("corrected-elsewhere", badge) if newest else Visit("not-here-yet")
    if state == "revoked":
        return Visit("revoked", badge)
    if state == "expired":
        return Visit("expired", badge)
    if visitor is not None and tx.has_address(visitor.account_id, badge.holder.email):
        return Visit("receive", badge, visitor)
    return Visit("account" if tx.account_at(badge.holder.email) is None else "login", badge)


def receive_by_link(
    assertion_id: str, link_token: str, session: str | None, full_name: str, password: str, ports: Ports
) -> Visit | Entered | Refused:
    """Step 5. Make the account or sign in where that is needed, and receive the badge. Doing it again changes nothing.

    A Visit comes back where there is nothing to receive.
    """
    visit = open_link(assertion_id, link_token, session, ports)
    if visit.badge is None or visit.door in _NOTHING_TO_RECEIVE:
        return visit
    if visit.door == "account":
        return _join(visit.badge, full_name, password, session, ports)
    if visit.door == "login":
        return _enter(visit.badge, password, session, ports)
    assert visit.account is not None
    with ports.store.transaction() as tx:
        _receive(tx, assertion_id, visit.account.account_id)
    return Entered(assertion_id, None)


def _join(badge: Badge, full_name: str, password: str, session: str | None, ports: Ports) -> Entered | Refused:
    address = badge.holder.email
    refused = Refused(accounts.name_problem(full_name), accounts.password_problem(password, address))
    if refused != Refused():
        REFUSED.labels("account").inc()
        return refused
    password_hash = ports.passwords.hash(password)
    token = ports.new_token()
    with ports.store.transaction() as tx:
        account_id = tx.create_account(full_name.strip(), password_hash, address)
        if account_id is not None:
            _receive(tx, badge.assertion_id, account_id)
            _open(tx, token, session, account_id, ports)
    # If we die here or the answer is lost, account and receipt stand and are announced; the link asks for a password.
    if account_id is None:
        return _enter(badge, password, session, ports)
    return Entered(badge.assertion_id, token)


def _enter(badge: Badge, password: str, session: str | None, ports: Ports) -> Entered | Refused:
    account = _authenticate(badge.holder.email, password, ports)
    if isinstance(account, Refused):
        return account
    token = ports.new_token()
    with ports.store.transaction() as tx:
        _receive(tx, badge.assertion_id, account.account_id)
        _open(tx, token, session, account.account_id, ports)
    return Entered(badge.assertion_id, token)


def _receive(tx: WalletTransaction, assertion_id: str, account_id: int) -> None:
    if tx.receive(assertion_id, account_id):
        RECEIVED.inc()
        _LOG.info("received", assertion_id=assertion_id, account_id=account_id)


# ── signing in and out ─────────────────────────────────────────────────────────────────────────────────


def login(address: str, password: str, session: str | None, ports: Ports) -> str | Refused:
    """The token of a new session. An unknown address and a wrong password are refused alike, and as slowly."""
    account = _authenticate(address, password, ports)
    if isinstance(account, Refused):
        return account
    token = ports.new_token()
    with ports.store.transaction() as tx:
        _open(tx, token, session, account.account_id, ports)
    return token


def _authenticate(address: str, password: str, ports: Ports) -> Account | Refused:
    address_sha256 = _sha256(same_address_key(address))
    with ports.store.transaction() as tx:
        attempts = tx.count_attempt(address_sha256, accounts.ATTEMPTS_WINDOW)
        account = tx.account_at(address)
    # The try counts before it is made: whoever breaks off, or sends a hundred at once, has used them up.
    if accounts.is_blocked(attempts):
        REFUSED.labels("blocked").inc()
        return Refused(login="blocked")
    too_long = len(password) > accounts.PASSWORD_LONGEST
    right = not too_long and ports.passwords.is_right(account.password_hash if account else None, password)
    if account is None or not right:
        REFUSED.labels("wrong-password").inc()
        return Refused(login="wrong")
    with ports.store.transaction() as tx:
        tx.forget_attempts(address_sha256)
    return account


def logout(session: str | None, ports: Ports) -> None:
    if session:
        with ports.store.transaction() as tx:
            tx.close_session(_sha256(session))


def _open(tx: WalletTransaction, token: str, former: str | None, account_id: int, ports: Ports) -> None:
    """A new session; the one that this browser had ends, so that nobody can plant one."""
    if former:
        tx.close_session(_sha256(former))
    tx.open_session(_sha256(token), account_id, ports.session)


def _sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


# ── the person's own badges ────────────────────────────────────────────────────────────────────────────


def visitor(session: str | None, ports: Ports) -> Account | None:
    """Who is signed in."""
    if not session:
        return None
    with ports.store.transaction() as tx:
        return tx.account_in(_sha256(session))


def own_badges(account: Account, ports: Ports) -> list[Badge]:
    with ports.store.transaction() as tx:
        return tx.badges_of(account.account_id)


def own_badge(account: Account, assertion_id: str, ports: Ports) -> Badge:
    """NotFound for another person's badge as for one that doesn't exist: the answer tells neither from the other."""
    with ports.store.transaction() as tx:
        badge = tx.badge_of(account.account_id, assertion_id)
    if badge is None:
        raise NotFound(f"badge {assertion_id}: not of account {account.account_id}")
    return badge


@dataclass(frozen=True)
class Shown:
    """A badge with the person's own others that it leads to: its newest version, what it renews, what renews it."""

    badge: Badge
    corrected: Badge | None
    former: Badge | None
    renewed: Badge | None


def show(account: Account, assertion_id: str, ports: Ports) -> Shown:
    """NotFound as for `own_badge`."""
    badge = own_badge(account, assertion_id, ports)
    with ports.store.transaction() as tx:
        renewed = tx.renewed(account.account_id, badge)
        return Shown(
            badge=badge,
            corrected=tx.badge_of(account.account_id, badge.corrected_by) if badge.corrected_by else None,
            former=tx.former(account.account_id, badge),
            renewed=renewed if renewed and state_of(renewed, ports.now()) != "revoked" else None,
        )


def show_details(account: Account, assertion_id: str, public: bool, ports: Ports) -> None:
    """The holder decides whether the public page shows the numbers. Asking for what is so already changes nothing.

    NotFound for a badge that isn't received and finished.
    """
    badge = own_badge(account, assertion_id, ports)
    if not is_finished(badge, ports.now()):
        raise NotFound(f"badge {assertion_id}: its public page can't be changed in its state")
    with ports.store.transaction() as tx:
        if tx.show_details(assertion_id, account.account_id, public=public):
            _LOG.info("decided", assertion_id=assertion_id, account_id=account.account_id, details_public=public)


def receive_own(account: Account, assertion_id: str, ports: Ports) -> None:
    """Step 5, from the list instead of the letter: the address is proven, so the link is not needed."""
    with ports.store.transaction() as tx:
        badge = tx.badge_of(account.account_id, assertion_id)
        if badge is None:
            raise NotFound(f"badge {assertion_id}: not of account {account.account_id}")
        if state_of(badge, ports.now()) == "unreceived":
            _receive(tx, assertion_id, account.account_id)


def document(account: Account, assertion_id: str, which: Document, ports: Ports) -> tuple[Badge, bytes]:
    """A PDF of the account's own badge. NotFound while there is none; TryLater while the storage is away."""
    badge = own_badge(account, assertion_id, ports)
    key = document_key(badge, which, ports.now())
    if key is None:
        raise NotFound(f"badge {assertion_id}: no {which} in its state")
    return badge, ports.objects.get(key)


def credential(account: Account, assertion_id: str, ports: Ports) -> bytes:
    """The signed credential of the account's own badge. NotFound while it isn't finished; TryLater as for documents."""
    badge = own_badge(account, assertion_id, ports)
    if not is_finished(badge, ports.now()):
        raise NotFound(f"badge {assertion_id}: no credential in its state")
    return ports.objects.get(f"credentials/{assertion_id}.json")


def picture(qualification: str, edition: str, ports: Ports) -> bytes:
    """The image of a badge class, which is public. NotFound for one that the programme doesn't know."""
    if qualification not in ports.programme.qualifications or not _EDITION.fullmatch(edition):
        raise NotFound(f"badge class {qualification}/{edition}")
    return ports.objects.get(f"badges/{qualification}/{edition}.png")

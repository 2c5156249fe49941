"""A wallet as the tests see it: real PostgreSQL and HTTP; object storage in memory; events are handed on by calls."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import httpx
from msgspec.structs import replace
from PIL import Image

from deploy.local.ports import free_port
from services.issuer.domain.credential import credential_of
from services.issuer.domain.issuance import Assertion, Issuer, StatusPlace
from services.issuer.signing.keys import SigningKey
from services.mailer.domain.requested import request_problem
from services.wallet import erasure, handlers, office_orders
from services.wallet.account import letters, recovery
from services.wallet.app import MIGRATIONS
from services.wallet.config import Config
from services.wallet.domain.badge import WalletBadge
from services.wallet.ports import Ports
from services.wallet.store import Account, Store, WalletTransaction
from services.wallet.stored_files import StoredFiles
from services.wallet.web.site import web_app
from shared import object_keys
from shared.erasure_events import AssertionsErased, PersonErased
from shared.events import (
    AddressCorrected,
    AssertionAnchored,
    AssertionIssued,
    AssertionRevoked,
    Award,
    BadgeReceived,
    CertificateRendered,
    Event,
    Holder,
)
from shared.letter_events import AccountLetterRequested
from shared.links import receive_token
from shared.office_events import OfficeDecided
from shared.programme import parse_programme
from shared.recovery_events import AddressRecoveryBegun, AddressRecoverySettled
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.migrate import migrate
from shared.runtime.settings import ObjectStorageSettings, Runtime
from shared.runtime.web.passwords import Passwords
from shared.wire import decode
from tests.worlds.consumer import note
from tests.worlds.credentials import KEY
from tests.worlds.http_server import serving
from tests.worlds.meanwhile import meanwhile as in_database
from tests.worlds.objects import MemoryObjects
from tests.worlds.postgres import postgres

SECRET = b"a secret of sixteen bytes"
START = datetime(2026, 4, 1, 1, 0, tzinfo=UTC)
PAPER_KEY = "a key of the office"
DESK_URL = "http://desk.example"
PASSWORD = "correct horse battery"
PROGRAMME = parse_programme(Path("deploy/programmes/jci.toml").read_text(encoding="utf-8"))

ISSUER = Issuer(PROGRAMME, "http://verifier.example")
ISSUER_KEY = SigningKey(KEY.private, ISSUER.did)

R = TypeVar("R")


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Wallet:
    url: str
    ports: Ports
    objects: MemoryObjects
    clock: Clock

    def browser(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, follow_redirects=True, trust_env=False, verify=False, timeout=30)

    def link(self, assertion_id: str) -> str:
        return f"/receive/{assertion_id}/{receive_token(SECRET, assertion_id)}"

    def issue(self, email: str, *, qualification: str = "gishi", family_name: str = "髙橋") -> AssertionIssued:
        event = issued(email, qualification, family_name)
        handlers.note_issued([event], self.ports)
        return event

    def consume(self, *events: Event) -> None:
        """One at a time."""
        for event in events:
            with self.ports.store.reading_to({}):  # which refuses a second transaction
                match event:
                    case AssertionIssued():
                        handlers.note_issued([event], self.ports)
                    case PersonErased() | AssertionsErased():
                        erasure.erase([event], self.ports)
                    case AddressCorrected():
                        note(self.ports.store, WalletTransaction.note_addresses, [event])
                    case AssertionAnchored():
                        note(self.ports.store, WalletTransaction.note_anchored, [event])
                    case CertificateRendered():
                        note(self.ports.store, WalletTransaction.note_rendered, [event])
                    case AddressRecoveryBegun():
                        recovery.note_begun([event], self.ports)
                    case AddressRecoverySettled():
                        recovery.note_settled([event], self.ports)
                    case OfficeDecided():
                        office_orders.carry_out([event], self.ports)
                    case AssertionRevoked():
                        note(self.ports.store, WalletTransaction.note_revoked, [event])

    def finish(self, assertion_id: str) -> None:
        self.consume(rendered(assertion_id), anchored(assertion_id))
        self.objects.kept[object_keys.certificate(assertion_id)] = b"%PDF-certificate%%EOF"
        self.objects.kept[object_keys.details(assertion_id)] = b"%PDF-details%%EOF"
        with self.ports.store.transaction() as tx:
            badge = tx.badges.get(assertion_id)
        if badge is not None:
            self.objects.kept[object_keys.credential(assertion_id)] = json.dumps(signed(badge)).encode()

    def relay(self) -> None:
        """Kafka has what was announced so far. It stays in the outbox, as if it had been announced just now."""
        with self.ports.store.transaction() as tx:
            tx.cursor.execute("update outbox set announced_at = %s", (self.clock(),))

    def announced(self) -> list[Event]:
        with self.ports.store.transaction() as tx:
            rows = tx.cursor.execute("select value from outbox order by id").fetchall()
        return [decode(bytes(row[0])) for row in rows]

    def letters(self, letter: str, recipient: str | None = None) -> list[AccountLetterRequested]:
        """Those that were asked of the mailer so far, in the form that it takes."""
        self.relay()
        letters.write_asked(self.ports)
        asked = [event for event in self.announced() if isinstance(event, AccountLetterRequested)]
        assert [problem for event in asked if (problem := request_problem(event))] == []
        return [event for event in asked if event.letter == letter and recipient in (None, event.recipient)]

    def mailed_link(self, letter: str, recipient: str | None = None) -> str:
        """The path of the link in the last such letter."""
        link = self.letters(letter, recipient)[-1].facts["link"]
        assert link.startswith(self.url)
        return link.removeprefix(self.url)

    def received(self, assertion_id: str) -> int:
        return sum(isinstance(event, BadgeReceived) and event.key == assertion_id for event in self.announced())


def signed(badge: WalletBadge) -> dict[str, Any]:
    """The credential of a badge, signed by the tests' issuer; not anchored."""
    award = Award(
        registration_id=badge.registration_id,
        cohort=str(badge.valid_from.year),
        qualification=badge.qualification,
        kind="new",
        pass_number=badge.pass_number,
        registration_number=badge.registration_number,
        valid_from=badge.valid_from,
        valid_until=badge.valid_until,
    )
    assertion = Assertion(
        assertion_id=badge.assertion_id,
        award=award,
        holder=badge.holder,
        issued_at=badge.issued_at,
        notify_from=badge.issued_at,
        status=StatusPlace(1, 7),
        edition=badge.edition or str(badge.valid_from.year),
    )
    return ISSUER_KEY.sign(credential_of(assertion, ISSUER, secret=SECRET), badge.issued_at)


def pictures() -> dict[str, bytes]:
    """Those of each badge class, as small as pictures can be."""
    out = BytesIO()
    Image.new("P", (1, 1)).save(out, "PNG")
    drawn = {}
    for qualification in PROGRAMME.qualifications:
        for edition in ("2026", "2030"):
            drawn[object_keys.badge_file(qualification, edition, "png")] = out.getvalue()
            drawn[object_keys.badge_file(qualification, edition, "svg")] = (
                b'<svg xmlns="http://www.w3.org/2000/svg"></svg>'
            )
    return drawn


@contextmanager
def wallet_database() -> Iterator[str]:
    with postgres() as server:
        url = server.fresh()
        migrate(url, "wallet", MIGRATIONS)
        yield url


@contextmanager
def running_wallet(database: str) -> Iterator[Wallet]:
    """An empty wallet, served."""
    clock = Clock()
    port = free_port()
    url = f"http://localhost:{port}"
    objects = MemoryObjects(pictures())
    store: Store = Store(database, "wallet", WalletTransaction, clock)
    ports = Ports(
        store=store,
        objects=StoredFiles(objects),
        now=clock,
        programme=PROGRAMME,
        passwords=Passwords(),
        new_token=lambda: secrets.token_urlsafe(32),
        link_secret=SECRET,
        wallet_url=url,
        session_lifetime=timedelta(hours=24),
        receive_link_lifetime=timedelta(days=90),
        mail_link_lifetime=timedelta(hours=24),
        reset_link_lifetime=timedelta(hours=2),
        public_url="http://verifier.example",
    )
    with store.transaction() as tx:
        tx.cursor.execute(
            "truncate accounts, badges, corrected_addresses, recalled, progress, login_attempts, asked_letters,"
            " paper_orders, paper_items, recoveries, settled_recoveries, inbox, outbox, announced, erased cascade"
        )
    with serving(web_app(config(database, clock, url), ports, patience=0.1), port) as url:
        yield Wallet(url, ports, objects, clock)
    store.close()


def config(database: str, clock: Clock, wallet_url: str = "http://localhost") -> Config:
    runtime = Runtime("wallet", database, KafkaAccess(""), "127.0.0.1", 0, clock, PROGRAMME, 1.0, "auto")
    storage = ObjectStorageSettings("http://localhost", "", Path())
    return Config(
        runtime,
        storage,
        "127.0.0.1",
        0,
        wallet_url,
        "http://verifier.example",
        SECRET,
        86400.0,
        90,
        24,
        2,
        DESK_URL,
        PAPER_KEY.encode(),
    )


def issued(email: str, qualification: str, family_name: str) -> AssertionIssued:
    assertion_id = "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(26))
    return AssertionIssued(
        assertion_id=assertion_id,
        leaf="00" * 32,
        award=Award(
            registration_id=assertion_id.lower(),
            cohort="2026",
            qualification=qualification,
            kind="new",
            pass_number="G-2025-0042",
            registration_number="26-10042",
            valid_from=date(2026, 4, 1),
            valid_until=date(2030, 3, 31),
        ),
        holder=Holder(person_id="P1", family_name=family_name, given_name="一郎", email=email),
        issued_at=START,
        notify_from=START,
        status_list=1,
        status_index=7,
    )


def corrected(former: AssertionIssued, email: str | None = None, family_name: str = "高橋") -> AssertionIssued:
    """The next version of a badge: another name, perhaps another address."""
    new = issued(email or former.holder.email, former.award.qualification, family_name)
    return replace(new, award=former.award, version=former.version + 1, corrects=former.assertion_id)


def renewed(former: AssertionIssued) -> AssertionIssued:
    """The badge of the period that follows."""
    new = issued(former.holder.email, former.award.qualification, former.holder.family_name)
    award = replace(
        new.award,
        registration_number="30-20042",
        valid_from=date(2030, 4, 1),
        valid_until=date(2034, 3, 31),
        previous_registration_id=former.award.registration_id,
    )
    return replace(new, award=award, replaces=former.assertion_id)


def revoked(assertion_id: str, replaced_by: str | None = None, reason: str = "登録の辞退") -> AssertionRevoked:
    return AssertionRevoked(assertion_id=assertion_id, reason=reason, revoked_at=START, replaced_by=replaced_by)


def anchored(assertion_id: str) -> AssertionAnchored:
    return AssertionAnchored(
        assertion_id=assertion_id,
        leaf="00" * 32,
        merkle_root="11" * 32,
        path=(),
        network="local",
        chain_id=31337,
        contract="0x0",
        transaction="0x1",
        block_number=1,
        block_hash="0x2",
        anchored_at=START,
    )


def rendered(assertion_id: str) -> CertificateRendered:
    return CertificateRendered(
        assertion_id=assertion_id,
        certificate_key=object_keys.certificate(assertion_id),
        certificate_sha256="aa",
        details_key=object_keys.details(assertion_id),
        details_sha256="bb",
        rendered_at=START,
    )


def meanwhile(
    wallet: Wallet,
    change: Callable[[WalletTransaction], object],
    act: Callable[[], R],
    then: Callable[[WalletTransaction], object] = lambda tx: None,
) -> R:
    """As `meanwhile.meanwhile`, in the wallet's database."""
    return in_database(wallet.ports.store, change, act, then)


def account_of(wallet: Wallet, address: str) -> Account:
    with wallet.ports.store.transaction() as tx:
        account = tx.accounts.by_address(address)
    assert account is not None
    return account


def join(browser: httpx.Client, wallet: Wallet, assertion_id: str, name: str = "高橋一郎") -> httpx.Response:
    return browser.post(wallet.link(assertion_id), data={"full_name": name, "password": PASSWORD})


def log_in(browser: httpx.Client, address: str, password: str = PASSWORD) -> httpx.Response:
    return browser.post("/login", data={"email": address, "password": password, "next": ""})


def is_in(browser: httpx.Client) -> bool:
    """Whether somebody is logged in with this browser."""
    return browser.get("/badges").url.path == "/badges"


def notices(wallet: Wallet) -> list[tuple[str, str]]:
    """Of each notice: what of, and to which address."""
    return [(each.facts["what"], each.recipient) for each in wallet.letters("account-notice")]


def add_address(browser: httpx.Client, wallet: Wallet, address: str) -> str:
    """Ask for a further address; the path of the link in the letter to it."""
    sent = browser.post("/account/addresses", data={"email": address, "current": PASSWORD})
    assert sent.status_code == 200 and "確認のメール" in sent.text, sent.text
    return wallet.mailed_link("verify-address")


def address_id(browser: httpx.Client) -> str:
    """The number of the first address that isn't the primary one."""
    return browser.get("/account").text.split('href="/account/addresses/')[1].split('"')[0]

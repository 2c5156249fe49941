"""A wallet as the tests see it: real PostgreSQL and HTTP; object storage in memory; events are handed on by calls."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
from msgspec.structs import replace

from services.wallet import handlers, paper_office
from services.wallet.app import MIGRATIONS
from services.wallet.config import Config
from services.wallet.passwords import Passwords
from services.wallet.ports import Ports
from services.wallet.store import Store, WalletTransaction
from services.wallet.web.site import web_app
from shared import object_keys
from shared.events import (
    AssertionAnchored,
    AssertionIssued,
    AssertionRevoked,
    Award,
    BadgeReceived,
    CertificateRendered,
    Event,
    Holder,
)
from shared.links import receive_token
from shared.office_events import OfficeDecided
from shared.programme import parse_programme
from shared.runtime.kafka_access import KafkaAccess
from shared.runtime.migrate import migrate
from shared.runtime.settings import ObjectStorageSettings, Runtime
from shared.wire import decode
from tests.worlds.consumer import note
from tests.worlds.http_server import serving
from tests.worlds.objects import MemoryObjects
from tests.worlds.postgres import postgres

SECRET = b"a secret of sixteen bytes"
START = datetime(2026, 4, 1, 1, 0, tzinfo=UTC)
PAPER_KEY = "a key of the office"
PASSWORD = "correct horse battery"
PROGRAMME = parse_programme(Path("deploy/programmes/jci.toml").read_text(encoding="utf-8"))


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
        return httpx.Client(base_url=self.url, follow_redirects=True, trust_env=False, verify=False)

    def link(self, assertion_id: str) -> str:
        return f"/receive/{assertion_id}/{receive_token(SECRET, assertion_id)}"

    def issue(self, email: str, *, qualification: str = "gishi", family_name: str = "髙橋") -> AssertionIssued:
        event = issued(email, qualification, family_name)
        handlers.note_issued([event], self.ports)
        return event

    def consume(self, *events: Event) -> None:
        """One at a time."""
        for event in events:
            match event:
                case AssertionIssued():
                    handlers.note_issued([event], self.ports)
                case AssertionAnchored():
                    note(self.ports.store, WalletTransaction.note_anchored, [event])
                case CertificateRendered():
                    note(self.ports.store, WalletTransaction.note_rendered, [event])
                case OfficeDecided():
                    paper_office.carry_out([event], self.ports)
                case AssertionRevoked():
                    note(self.ports.store, WalletTransaction.note_revoked, [event])

    def finish(self, assertion_id: str) -> None:
        self.consume(rendered(assertion_id), anchored(assertion_id))
        self.objects.kept[object_keys.certificate(assertion_id)] = b"%PDF certificate"
        self.objects.kept[object_keys.details(assertion_id)] = b"%PDF details"
        self.objects.kept[object_keys.credential(assertion_id)] = f'{{"id": "{assertion_id}"}}'.encode()

    def announced(self) -> list[Event]:
        with self.ports.store.transaction() as tx:
            rows = tx.cursor.execute("select value from outbox order by id").fetchall()
        return [decode(bytes(row[0])) for row in rows]

    def received(self, assertion_id: str) -> int:
        return sum(isinstance(event, BadgeReceived) and event.key == assertion_id for event in self.announced())


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
    objects = MemoryObjects({"badges/gishi/2026.png": b"\x89PNG art"})
    store: Store = Store(database, "wallet", WalletTransaction, clock)
    ports = Ports(
        store=store,
        objects=objects,
        now=clock,
        programme=PROGRAMME,
        passwords=Passwords(),
        new_token=lambda: secrets.token_urlsafe(32),
        link_secret=SECRET,
        session_lifetime=timedelta(hours=24),
    )
    with store.transaction() as tx:
        tx.cursor.execute(
            "truncate accounts, badges, recalled, progress, login_attempts, paper_orders, paper_items,"
            " inbox, outbox, announced cascade"
        )
    with serving(web_app(config(database, clock), ports, patience=0.1)) as url:
        yield Wallet(url, ports, objects, clock)
    store.close()


def config(database: str, clock: Clock, wallet_url: str = "http://localhost") -> Config:
    runtime = Runtime("wallet", database, KafkaAccess(""), "127.0.0.1", 0, clock, PROGRAMME, 1.0, "auto")
    storage = ObjectStorageSettings("http://localhost", "", Path())
    return Config(
        runtime, storage, "127.0.0.1", 0, wallet_url, "http://verifier.example", SECRET, 86400.0, PAPER_KEY.encode()
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


def join(browser: httpx.Client, wallet: Wallet, assertion_id: str, name: str = "高橋一郎") -> httpx.Response:
    return browser.post(wallet.link(assertion_id), data={"full_name": name, "password": PASSWORD})

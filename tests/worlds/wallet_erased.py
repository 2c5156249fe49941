"""Somebody who is erased, as the wallet knows them, and where anything of them is found; for tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
from msgspec.structs import replace

from services.wallet.account import letters
from services.wallet.store import WalletTransaction
from shared.erasure_events import AssertionsErased, PersonErased
from shared.events import AddressCorrected, AssertionIssued
from shared.recovery_events import AddressRecoveryBegun, AddressRecoverySettled
from tests.worlds.paper import ADDRESS
from tests.worlds.tables import rows_at, tables_with
from tests.worlds.wallet import (
    PASSWORD,
    START,
    Wallet,
    account_of,
    add_address,
    issued,
)

OWN, SECOND, FORMER, OTHER = "erased@example.jp", "second@example.net", "former@example.jp", "b@example.org"
NAME, TYPED = "消去", "消去いちろう"
VALUES = (OWN, SECOND, FORMER, NAME, "G-1999-0001", "99-10001", "P-ERASED", ADDRESS["line"], ADDRESS["phone"], "e***@")


def badge_of_theirs(email: str = OWN, **changes: Any) -> AssertionIssued:
    event = issued(email, "gishi", NAME)
    award = replace(event.award, pass_number="G-1999-0001", registration_number="99-10001")
    return replace(event, award=award, holder=replace(event.holder, person_id="P-ERASED"), **changes)


def anybody(email: str, person_id: str = "P-OTHER") -> AssertionIssued:
    event = issued(email, "gishi", "見本")
    return replace(event, holder=replace(event.holder, person_id=person_id))


def erased(*badges: AssertionIssued) -> PersonErased:
    ids = tuple(dict.fromkeys(badge.award.registration_id for badge in badges))
    return PersonErased(decision_id="erase-1", subject=ids[0], registration_ids=ids, erased_at=START)


def credentials_erased(*badges: AssertionIssued) -> AssertionsErased:
    event = erased(*badges)
    return AssertionsErased(
        decision_id=event.decision_id,
        subject=event.subject,
        registration_ids=event.registration_ids,
        assertion_ids=tuple(badge.assertion_id for badge in badges),
        erased_at=START,
    )


def moved(badge: AssertionIssued, email: str = OWN) -> AddressCorrected:
    return AddressCorrected(
        registration_id=badge.award.registration_id,
        cohort="2026",
        email=email,
        version=1,
        revision=1,
        corrected_at=START,
    )


def begun(badge: AssertionIssued) -> AddressRecoveryBegun:
    return AddressRecoveryBegun(
        recovery_id="recovery",
        person_id="P-ERASED",
        registration_id=badge.award.registration_id,
        email="erased-new@example.jp",
        former_email=OWN,
        begun_at=START,
        takes_effect_at=START + timedelta(days=7),
        stop_url="https://desk.example/stop/1",
    )


def settled(badge: AssertionIssued) -> AddressRecoverySettled:
    return AddressRecoverySettled(
        recovery_id="recovery",
        person_id="P-ERASED",
        registration_id=badge.award.registration_id,
        outcome="moved",
        email=SECOND,
        former_email=OWN,
        begun_at=START,
        settled_at=START,
    )


def holds(wallet: Wallet, *badges: AssertionIssued) -> dict[str, list[str]]:
    """The tables that say something of them: values of theirs, or ids outside of what is kept for good."""
    url = wallet.ports.store.url
    ids = [each for badge in badges for each in (badge.assertion_id, badge.award.registration_id)]
    found = tables_with(url, *VALUES)
    kept = ("erased", "inbox", "announced", "outbox")
    return found | {table: said for table, said in tables_with(url, *ids).items() if table not in kept}


def accounts(wallet: Wallet) -> int:
    return int(rows_at(wallet.ports.store.url, "select count(*) from accounts")[0][0])


def rows(wallet: Wallet, *tables: str) -> dict[str, list[Any]]:
    return {table: rows_at(wallet.ports.store.url, f"select * from {table} order by 1, 2") for table in tables}


def live(wallet: Wallet, browser: httpx.Client, badge: AssertionIssued) -> None:
    """All that a holder can leave in the wallet: first at another address."""
    id = badge.assertion_id
    for events, address in (([badge], FORMER), ([moved(badge)], OWN)):
        wallet.consume(*events)
        with wallet.ports.store.transaction() as tx:
            tx.letters.ask("new-link", address, id, "ja")
        link = wallet.mailed_link("new-link", address)
    assert browser.post(link, data={"full_name": TYPED, "password": PASSWORD}).status_code == 200
    wallet.finish(id)
    browser.post(add_address(browser, wallet, SECOND))
    add_address(browser, wallet, "erased@third.example")
    browser.post(f"/badges/{id}/details", data={"details": "hidden"})
    ordered = browser.post(f"/badges/{id}/paper", data={**ADDRESS, "item": "certificate"})
    assert ordered.url.params["ordered"]
    account = account_of(wallet, OWN)
    with wallet.ports.store.transaction() as tx:
        tx.passkeys.add(b"id", account.account_id, b"", 0, NAME)
        tx.letters.ask("reset-password", SECOND, None, "ja")
    letters.write_asked(wallet.ports)
    wallet.consume(begun(badge))
    with wallet.ports.store.transaction() as tx:
        tx.letters.ask("reset-password", SECOND.upper(), None, "ja")
    page = browser.post(f"/badges/{id}/offer")
    assert page.status_code == 200


def erase(tx: WalletTransaction, event: PersonErased) -> None:
    for each in tx.claim_erasures([event]):
        found = tx.erase_rows(each.registration_ids, ())
        tx.erase(each.decision_id, [*each.registration_ids, *found.assertion_ids], found.addresses)

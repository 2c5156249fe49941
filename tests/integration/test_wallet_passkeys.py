"""Passkeys over HTTP, with an authenticator in software: what is accepted, and what proves nothing.

Tests services/wallet: passkeys, web/passkeys, store/passkeys. In a browser: tests/browser/test_wallet_pages.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.wallet.store import WalletTransaction
from tests.worlds.authenticator import PRESENT, Authenticator
from tests.worlds.wallet import Wallet, account_of, is_in, join, meanwhile, notices

pytest_plugins = ("tests.worlds.wallet_fixtures",)


@pytest.fixture
def owner(wallet: Wallet) -> Iterator[httpx.Client]:
    with wallet.browser() as browser:
        join(browser, wallet, wallet.issue("a@example.jp").assertion_id)
        yield browser


def made(browser: httpx.Client, device: Authenticator) -> int:
    options = browser.post("/account/passkeys/options").json()
    return browser.post("/account/passkeys", json=device.make(options)).status_code


def logged_in(browser: httpx.Client, device: Authenticator, next: str = "") -> httpx.Response:
    return browser.post("/passkeys/login", params={"next": next}, json=device.log_in(asked(browser)))


def asked(browser: httpx.Client) -> dict[str, Any]:
    options: dict[str, Any] = browser.post("/passkeys/options").json()
    return options


def test_a_passkey_logs_in_without_address_and_password_until_it_is_removed(
    wallet: Wallet, owner: httpx.Client
) -> None:
    device = Authenticator(wallet.url)
    assert made(owner, device) == 200
    assert notices(wallet) == [("passkey-added", "a@example.jp")]
    with wallet.browser() as phone:
        for next, leads_to in (("", "/badges"), ("/account", "/account"), ("//evil.example", "/badges")):
            assert logged_in(phone, device, next).json() == {"next": leads_to}
            assert is_in(phone)
            phone.post("/logout")
        listed = owner.get("/account").text
        credential = listed.split('name="passkey" value="')[1].split('"')[0]
        for _ in range(2):  # again where the first answer was lost
            removed = owner.post("/account/passkeys/remove", data={"passkey": credential})
            assert removed.url.path == "/account" and "パスキーを削除しました" in removed.text
        assert logged_in(phone, device).status_code == 422 and not is_in(phone)


def test_a_passkey_stays_when_a_letters_link_sets_another_password(wallet: Wallet, owner: httpx.Client) -> None:
    device = Authenticator(wallet.url)
    assert made(owner, device) == 200
    with wallet.browser() as phone:
        phone.post("/forgot", data={"email": "a@example.jp"})
        phone.post(wallet.mailed_link("reset-password"), data={"password": "yaki-imo 43 enpitsu"})
        phone.post("/logout")
        assert not is_in(owner) and not is_in(phone)
        assert logged_in(phone, device).status_code == 200 and is_in(phone)


def test_an_answer_counts_once_and_for_five_minutes(wallet: Wallet, owner: httpx.Client) -> None:
    device = Authenticator(wallet.url)
    made(owner, device)
    with wallet.browser() as phone:
        answer = device.log_in(asked(phone))
        assert phone.post("/passkeys/login", json=answer).status_code == 200
        phone.post("/logout")
        assert phone.post("/passkeys/login", json=answer).status_code == 422, "a replay"
        late = device.log_in(asked(phone))
        wallet.clock.now += timedelta(minutes=5)
        assert phone.post("/passkeys/login", json=late).status_code == 422
        assert not is_in(phone)


@pytest.mark.parametrize(
    "fault",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:1"},
        {"site": "evil.example"},
        {"flags": PRESENT},
        {"flags": 0},
        {"id": b"another passkey!"},
        {"_key": Authenticator("")._key},
    ],
)
def test_what_another_site_device_or_finger_answers_proves_nothing(
    wallet: Wallet, owner: httpx.Client, fault: dict[str, Any]
) -> None:
    device = Authenticator(wallet.url)
    made(owner, device)
    for name, value in fault.items():
        setattr(device, name, value)
    with wallet.browser() as phone:
        assert logged_in(phone, device).status_code == 422 and not is_in(phone)


@pytest.mark.parametrize("fault", [{"origin": "https://evil.example"}, {"site": "evil.example"}, {"flags": PRESENT}])
def test_a_passkey_of_another_site_or_of_nobody_is_not_kept(
    wallet: Wallet, owner: httpx.Client, fault: dict[str, Any]
) -> None:
    assert made(owner, Authenticator(**{"origin": wallet.url, **fault})) == 422
    assert notices(wallet) == []


def test_a_challenge_is_for_the_account_and_the_purpose_that_it_was_given_for(
    wallet: Wallet, owner: httpx.Client
) -> None:
    device, other_device = Authenticator(wallet.url), Authenticator(wallet.url)
    made(owner, device)
    with wallet.browser() as other:
        join(other, wallet, wallet.issue("b@example.jp").assertion_id)
        options = owner.post("/account/passkeys/options").json()
        assert other.post("/account/passkeys", json=other_device.make(options)).status_code == 422
        assert owner.post("/account/passkeys", json=other_device.make(asked(owner))).status_code == 422
        assert other.post("/passkeys/login", json=device.log_in(options)).status_code == 422
        assert made(other, device) == 422, "a passkey is one account's"


def test_a_cloned_passkey_whose_counter_stands_still_is_refused(wallet: Wallet, owner: httpx.Client) -> None:
    device = Authenticator(wallet.url, counter=5)
    made(owner, device)
    with wallet.browser() as phone:
        assert logged_in(phone, device).status_code == 200
        device.counter = 3
        assert logged_in(phone, device).status_code == 422


@pytest.mark.parametrize("change", ["removed", "used"])
def test_a_passkey_that_is_removed_or_used_while_its_answer_is_checked_opens_nothing(
    wallet: Wallet, owner: httpx.Client, change: str
) -> None:
    device = Authenticator(wallet.url, counter=5)
    made(owner, device)
    account_id = account_of(wallet, "a@example.jp").account_id

    def do(tx: WalletTransaction) -> None:
        (passkey,) = tx.passkeys.all_of(account_id)
        if change == "removed":
            tx.passkeys.remove(account_id, passkey.credential_id)
        else:
            assert tx.passkeys.use(passkey, 7)

    with wallet.browser() as phone:
        assert meanwhile(wallet, do, lambda: logged_in(phone, device)).status_code == 422
        assert not is_in(phone)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"id": "a", "rawId": "a", "type": "public-key", "response": {}},
        {"id": "a", "rawId": "a", "type": "public-key", "response": {"clientDataJSON": "!!", "signature": "é"}},
        {"id": 1, "rawId": None, "type": [], "response": "x"},
        {"id": "YQ", "rawId": "YQ", "type": "public-key", "response": dict.fromkeys(
            ("clientDataJSON", "authenticatorData", "signature", "attestationObject"), "W10")},
        {"id": "YQ", "rawId": "YQ", "type": "public-key", "response": dict.fromkeys(
            ("clientDataJSON", "authenticatorData", "signature", "attestationObject"), "eyJjaGFsbGVuZ2UiOjF9")},
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused(wallet: Wallet, owner: httpx.Client, answer: dict[str, Any]) -> None:
    assert owner.post("/account/passkeys", json=answer).status_code == 422
    assert owner.post("/passkeys/login", json=answer).status_code == 422
    assert owner.post("/passkeys/login", content=b"[]", headers={"content-type": "application/json"}).status_code == 422

"""A person is erased in the wallet at the moment at which somebody asks for something: nothing is left of either.

Tests services/wallet: what waits for an erasure in ports, receive_link, letters, paper, offers.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.wallet import paper
from services.wallet.account import letters
from services.wallet.domain.postal import PostalAddress
from shared.errors import NotFound
from shared.events import AssertionIssued
from tests.worlds.paper import ADDRESS
from tests.worlds.tables import rows_at
from tests.worlds.wallet import (
    PASSWORD,
    Wallet,
    is_in,
    join,
    meanwhile,
)
from tests.worlds.wallet_erased import (
    OWN,
    TYPED,
    accounts,
    badge_of_theirs,
    erase,
    erased,
    holds,
)

pytest_plugins = ("tests.worlds.wallet_fixtures",)

FORMS = {
    "/account/addresses": {"current": PASSWORD, "email": "new@example.jp"},
    "/account/passkeys/options": {},
    "/account/password": {"current": PASSWORD, "password": "yaki-imo 43 enpitsu"},
    "/badges/{badge}/details": {"details": "hidden"},
    "/badges/{badge}/offer": {},
    "/badges/{badge}/paper": {**ADDRESS, "item": "card"},
    "/badges/{waiting}/receive": {},
    "/login": {"email": OWN, "password": PASSWORD},
    "{link}": {"password": PASSWORD},
}


@pytest.mark.parametrize("path", FORMS)
def test_a_form_that_was_sent_before_is_answered_as_for_a_deleted_account_and_leaves_nothing(
    wallet: Wallet, path: str
) -> None:
    badge, waiting = badge_of_theirs(), badge_of_theirs()
    with wallet.browser() as browser:
        wallet.consume(badge, waiting)
        join(browser, wallet, badge.assertion_id, TYPED)
        wallet.finish(badge.assertion_id)
        if path == "{link}":
            browser.post("/logout")
        to = path.format(badge=badge.assertion_id, waiting=waiting.assertion_id, link=wallet.link(waiting.assertion_id))
        event = erased(badge, waiting)
        answer = meanwhile(
            wallet,
            lambda tx: erase(tx, event),
            lambda: browser.post(to, data=FORMS[path], follow_redirects=False),
        )
        assert answer.status_code == 303 and answer.headers["location"].startswith("/login?next="), answer.text
        assert holds(wallet, badge, waiting) == {} and accounts(wallet) == 0
        assert not is_in(browser)


def test_an_account_that_is_made_by_a_link_meanwhile_is_not_made(wallet: Wallet) -> None:
    badge = badge_of_theirs()
    wallet.consume(badge)
    with wallet.browser() as browser:
        answer = meanwhile(
            wallet, lambda tx: erase(tx, erased(badge)), lambda: join(browser, wallet, badge.assertion_id, TYPED)
        )
    assert answer.status_code == 404
    assert accounts(wallet) == 0 and holds(wallet, badge) == {}


@pytest.mark.parametrize("what", ["an account is made", "a badge is received", "the office orders paper"])
def test_what_is_under_way_is_waited_for_and_erased(wallet: Wallet, what: str) -> None:
    badge, waiting = badge_of_theirs(), badge_of_theirs()
    with wallet.browser() as browser, ThreadPoolExecutor(2) as threads:
        wallet.consume(badge, waiting)
        if what != "an account is made":
            join(browser, wallet, badge.assertion_id, TYPED)
            wallet.finish(badge.assertion_id)
        acts: dict[str, Callable[[], object]] = {
            "an account is made": lambda: join(browser, wallet, badge.assertion_id, TYPED).raise_for_status(),
            "a badge is received": lambda: browser.post(f"/badges/{waiting.assertion_id}/receive"),
            "the office orders paper": lambda: _order(wallet, badge),
        }
        with wallet.ports.store.transaction() as tx:  # half way through each act
            tx.badges.lock_versions([badge.award.registration_id, waiting.award.registration_id])
            acting = threads.submit(acts[what])
            _until_waiting(wallet, 1)
            erasing = threads.submit(wallet.consume, erased(badge, waiting))
            _until_waiting(wallet, 2)
        acting.result(30)
        erasing.result(30)
        assert accounts(wallet) == 0 and holds(wallet, badge, waiting) == {}
        assert not is_in(browser)


def _until_waiting(wallet: Wallet, transactions: int) -> None:
    """Until so many wait for a lock."""
    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    while rows_at(wallet.ports.store.url, waiting)[0][0] < transactions:
        pass


def _order(wallet: Wallet, badge: AssertionIssued) -> object:
    return paper.order_by_office(badge.assertion_id, ["card"], PostalAddress(**ADDRESS), wallet.ports)


@pytest.mark.parametrize("what", ["letter", "order of the office"])
def test_what_others_ask_for_meanwhile_leaves_nothing(wallet: Wallet, what: str) -> None:
    badge = badge_of_theirs()
    wallet.consume(badge)
    with wallet.browser() as browser:
        join(browser, wallet, badge.assertion_id, TYPED)
        wallet.finish(badge.assertion_id)
    with wallet.ports.store.transaction() as tx:
        tx.letters.ask("reset-password", OWN, None, "ja")
    wallet.relay()

    def act() -> None:
        if what == "letter":
            letters.write_asked(wallet.ports)
            return
        with pytest.raises(NotFound):
            _order(wallet, badge)

    meanwhile(wallet, lambda tx: erase(tx, erased(badge)), act)
    assert holds(wallet, badge) == {}

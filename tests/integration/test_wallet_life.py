"""A badge in the wallet after it was issued: corrected, revoked, renewed, its numbers hidden.

Tests services/wallet: handlers, badges, store.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from threading import Thread

import pytest
from msgspec.structs import replace

from services.issuer.art.badge_art import badge_png
from services.wallet.store import WalletTransaction
from shared import object_keys
from shared.credentials.baking import unbake_png
from shared.events import AssertionIssued, BadgeVisibilityChanged, Event
from shared.recovery_events import AddressRecoverySettled
from tests.worlds.wallet import (
    PASSWORD,
    PROGRAMME,
    START,
    Wallet,
    account_of,
    anchored,
    corrected,
    issued,
    join,
    meanwhile,
    rendered,
    renewed,
    revoked,
)

pytest_plugins = ("tests.worlds.wallet_fixtures",)


def correction(old: AssertionIssued, email: str | None = None) -> tuple[AssertionIssued, Event]:
    """The new version, and the end of the old one."""
    new = corrected(old, email)
    return new, revoked(old.assertion_id, new.assertion_id, "訂正：氏名")


# ── corrected ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_corrected_badge_is_carried_over_once_in_any_order_of_events(wallet: Wallet, order: tuple[int, ...]) -> None:
    old = wallet.issue("a@example.jp")
    with wallet.browser() as browser:
        join(browser, wallet, old.assertion_id)
        wallet.finish(old.assertion_id)
        new, end = correction(old, "A@EXAMPLE.jp")
        events = (new, end, anchored(new.assertion_id), rendered(new.assertion_id))
        for _ in range(2):
            wallet.consume(*(events[place] for place in order))
        assert wallet.received(new.assertion_id) == 1
        assert wallet.received(old.assertion_id) == 1

        listed = browser.get("/badges").text
        assert "1個" in listed
        assert "訂正済み" in listed
        assert f"/badges/{new.assertion_id}" in listed
        assert f"/badges/{old.assertion_id}" not in listed
        page = browser.get(f"/badges/{old.assertion_id}").text.replace("<wbr>", "")
        assert "訂正される前のバッジです" in page
        assert "訂正：氏名" in page
        assert f'href="/badges/{new.assertion_id}"' in page
        assert "有効</span>" in browser.get(f"/badges/{new.assertion_id}").text
        for path in ("certificate.pdf", "details.pdf", "credential.json"):
            assert browser.get(f"/badges/{old.assertion_id}/{path}").status_code == 404
        assert browser.get(wallet.link(old.assertion_id)).url.path == f"/badges/{new.assertion_id}"


def test_a_link_of_the_old_badge_leads_to_the_new_one(wallet: Wallet) -> None:
    old = wallet.issue("a@example.jp")
    new, end = correction(old)
    with wallet.browser() as browser:
        wallet.consume(end)
        assert browser.get(wallet.link(old.assertion_id)).status_code == 503, "its event is on the way"
        wallet.consume(new)
        page = browser.get(wallet.link(old.assertion_id))
        assert page.url.path == wallet.link(new.assertion_id)
        assert join(browser, wallet, old.assertion_id).url.path == wallet.link(new.assertion_id)
        assert wallet.received(new.assertion_id) == 0
        assert join(browser, wallet, new.assertion_id).url.path == f"/badges/{new.assertion_id}"
        assert wallet.received(new.assertion_id) == 1
        assert wallet.received(old.assertion_id) == 0
        assert browser.post(f"/badges/{old.assertion_id}/receive").status_code == 200
        assert wallet.received(old.assertion_id) == 0
        assert "1個" in browser.get("/badges").text


def test_a_corrected_address_takes_the_badge_from_the_wrong_one_to_the_right_one(wallet: Wallet) -> None:
    held, open_ = wallet.issue("wrong@example.jp"), wallet.issue("wrong@example.jp", qualification="shindanshi")
    with wallet.browser() as stranger, wallet.browser() as holder:
        join(stranger, wallet, held.assertion_id)
        news = []
        for old in (held, open_):
            new, end = correction(old, "right@example.jp")
            wallet.consume(new, end)
            news.append(new.assertion_id)
        assert [wallet.received(id) for id in news] == [0, 0]
        listed = stranger.get("/badges").text
        assert ">訂正</span>" in listed
        for old in (held, open_):
            for answer in (
                stranger.get(wallet.link(old.assertion_id)),
                stranger.post(wallet.link(old.assertion_id), data={"full_name": "x", "password": PASSWORD}),
                stranger.get(f"/badges/{old.assertion_id}"),
            ):
                assert "right@example.jp" not in answer.text
                assert not any(id in answer.text + str(answer.url) for id in news)
        assert stranger.get(wallet.link(open_.assertion_id)).status_code == 410
        for id in news:
            assert stranger.get(f"/badges/{id}").status_code == 404
            assert join(holder, wallet, id).url.path == f"/badges/{id}"
        assert [wallet.received(id) for id in news] == [1, 1]
        assert "2個" in holder.get("/badges").text


def test_the_third_version_goes_to_the_account_that_received_the_first(wallet: Wallet) -> None:
    first = wallet.issue("a@example.jp")
    second, _ = correction(first, "mistyped@example.jp")
    third, _ = correction(second, "a@example.jp")
    with wallet.browser() as browser:
        join(browser, wallet, first.assertion_id)
        wallet.consume(replace(third, corrects=second.assertion_id), second)  # the second is heard last
        assert wallet.received(third.assertion_id) == 1
        assert wallet.received(second.assertion_id) == 0
        listed = browser.get("/badges").text
        assert "1個" in listed and third.assertion_id in listed


def test_a_receipt_at_the_moment_of_the_correction_is_carried_over(wallet: Wallet) -> None:
    account = _account(wallet, "a@example.jp")
    for _ in range(12):
        old = wallet.issue("a@example.jp")
        new, _end = correction(old)

        def receive(assertion_id: str = old.assertion_id) -> None:
            with wallet.ports.store.transaction() as tx:
                tx.badges.receive(assertion_id, account)

        at_once = [Thread(target=receive), Thread(target=wallet.consume, args=(new,))]
        for thread in at_once:
            thread.start()
        for thread in at_once:
            thread.join()
        assert wallet.received(new.assertion_id) == wallet.received(old.assertion_id)


def _account(wallet: Wallet, address: str) -> int:
    with wallet.ports.store.transaction() as tx:
        account = tx.accounts.create("一郎", wallet.ports.passwords.hash(PASSWORD), address)
    assert account is not None
    return account


# ── revoked, renewed ────────────────────────────────────────────────────────────────────────────────────


def test_a_revoked_badge_says_why_and_gives_out_no_files(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
        wallet.finish(badge)
        wallet.consume(revoked(badge, reason="登録の<辞退>"))
        page = browser.get(f"/badges/{badge}")
        assert "取り消されたバッジです" in page.text.replace("<wbr>", "")
        assert "登録の&lt;辞退&gt;" in page.text
        assert "取り消し" in browser.get("/badges").text
        for path in ("certificate.pdf", "details.pdf", "credential.json"):
            assert path not in page.text
            assert browser.get(f"/badges/{badge}/{path}").status_code == 404
        assert browser.post(f"/badges/{badge}/details", data={"details": "hidden"}).status_code == 404


def test_a_badge_that_was_revoked_and_issued_once_more_is_shown_as_the_new_one(wallet: Wallet) -> None:
    old = wallet.issue("a@example.jp")
    with wallet.browser() as browser:
        join(browser, wallet, old.assertion_id)
        wallet.consume(revoked(old.assertion_id, reason="一括の取り消し"))
        new = corrected(old)
        wallet.consume(new)
        listed = browser.get("/badges").text
        assert "1個" in listed and new.assertion_id in listed
        assert "取り消し" not in listed
        assert wallet.received(new.assertion_id) == 1


def test_a_renewal_and_what_it_renews_are_linked(wallet: Wallet) -> None:
    former = wallet.issue("a@example.jp")
    with wallet.browser() as browser:
        join(browser, wallet, former.assertion_id)
        wallet.finish(former.assertion_id)
        later = renewed(former)
        wallet.consume(later)
        assert f'href="/badges/{later.assertion_id}"' in browser.get(f"/badges/{former.assertion_id}").text
        assert f'href="/badges/{former.assertion_id}"' in browser.get(f"/badges/{later.assertion_id}").text
        assert "2個" in browser.get("/badges").text

        fixed, end = correction(former)  # the renewal names the version that was there when it was issued
        wallet.consume(fixed, end)
        assert f'href="/badges/{fixed.assertion_id}"' in browser.get(f"/badges/{later.assertion_id}").text
        assert f'href="/badges/{later.assertion_id}"' in browser.get(f"/badges/{fixed.assertion_id}").text

        wallet.clock.now = datetime(2030, 4, 2, tzinfo=UTC)
        browser.post("/login", data={"email": "a@example.jp", "password": PASSWORD})
        page = browser.get(f"/badges/{fixed.assertion_id}").text
        assert "更新済み" in page and "更新されました" in page
        wallet.consume(revoked(later.assertion_id))
        assert later.assertion_id not in browser.get(f"/badges/{fixed.assertion_id}").text


def test_a_renewal_of_another_person_is_not_linked(wallet: Wallet) -> None:
    former = wallet.issue("a@example.jp")
    later = renewed(former)
    wallet.consume(replace(later, holder=replace(later.holder, email="b@example.jp")))
    with wallet.browser() as browser, wallet.browser() as other:
        join(browser, wallet, former.assertion_id)
        join(other, wallet, later.assertion_id)
        assert later.assertion_id not in browser.get(f"/badges/{former.assertion_id}").text
        assert former.assertion_id not in other.get(f"/badges/{later.assertion_id}").text


# ── the numbers on the public page ──────────────────────────────────────────────────────────────────────


def visibility_changes(wallet: Wallet, assertion_id: str) -> list[tuple[bool, int]]:
    return [
        (event.details_public, event.revision)
        for event in wallet.announced()
        if isinstance(event, BadgeVisibilityChanged) and event.assertion_id == assertion_id
    ]


def test_hiding_the_numbers_is_announced_once_and_by_their_holder_only(wallet: Wallet) -> None:
    badge = wallet.issue("a@example.jp").assertion_id
    with wallet.browser() as browser, wallet.browser() as other:
        join(browser, wallet, badge)
        path = f"/badges/{badge}/details"
        assert browser.post(path, data={"details": "hidden"}).status_code == 404, (
            "nothing to hide before it is finished"
        )
        wallet.finish(badge)
        for _ in range(2):
            answer = browser.post(path, data={"details": "hidden"})
            assert answer.url.path == f"/badges/{badge}"
            assert "変更しました" in answer.text
        assert visibility_changes(wallet, badge) == [(False, 1)]
        assert "/credentials/" not in answer.text, "the public site gives no file of a badge with hidden numbers"
        credential = browser.get(f"/badges/{badge}/credential.json").json()
        assert credential["id"] == f"http://verifier.example/credentials/{badge}.json"
        browser.post(path, data={"details": "shown"})
        assert visibility_changes(wallet, badge) == [(False, 1), (True, 2)]
        assert browser.post(path, data={"details": "perhaps"}).status_code == 422
        assert (
            browser.post(path, data={"details": "hidden"}, headers={"origin": "https://a.example"}).status_code == 403
        )

        join(other, wallet, wallet.issue("b@example.jp").assertion_id)
        assert other.post(path, data={"details": "hidden"}).status_code == 404
        assert other.get(f"/badges/{badge}/credential.json").status_code == 404
    assert visibility_changes(wallet, badge) == [(False, 1), (True, 2)]


def test_a_correction_keeps_hidden_numbers_hidden(wallet: Wallet) -> None:
    old = wallet.issue("a@example.jp")
    with wallet.browser() as browser:
        join(browser, wallet, old.assertion_id)
        wallet.finish(old.assertion_id)
        browser.post(f"/badges/{old.assertion_id}/details", data={"details": "hidden"})
        new, end = correction(old)
        for _ in range(2):
            wallet.consume(new, end)
        assert visibility_changes(wallet, new.assertion_id) == [(False, 1)]
        wallet.finish(new.assertion_id)
        assert "番号は公開していません" in browser.get(f"/badges/{new.assertion_id}").text
        browser.post(f"/badges/{new.assertion_id}/details", data={"details": "shown"})
        newest, over = correction(new)
        wallet.consume(newest, over)
        assert visibility_changes(wallet, newest.assertion_id) == [(True, 1)]  # whatever the programme says then


# ── the picture ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_badge_is_shown_with_the_picture_of_its_own_edition(wallet: Wallet) -> None:
    event = replace(issued("a@example.jp", "gishi", "髙橋"), edition="2026-2")
    changed = badge_png("gishi", "2026", PROGRAMME, Path("node_modules/@expo-google-fonts"))
    wallet.objects.kept["badges/gishi/2026-2.png"] = changed
    wallet.consume(event)
    old = wallet.issue("a@example.jp")
    with wallet.browser() as browser:
        page = join(browser, wallet, event.assertion_id)
        assert 'src="/art/gishi/2026-2.png"' in page.text
        assert browser.get("/art/gishi/2026-2.png").content == changed
        wallet.finish(event.assertion_id)
        credential = wallet.objects.kept[object_keys.credential(event.assertion_id)]
        baked = browser.get(f"/badges/{event.assertion_id}/badge.png").content
        assert unbake_png(baked).credential == credential and baked.endswith(changed[-1000:])
        assert 'src="/art/gishi/2026.png"' in browser.get(f"/badges/{old.assertion_id}").text
        for edition in ("2026-", "..", "%2e%2e%2fx", "2026-2-3", "-"):
            assert browser.get(f"/art/gishi/{edition}.png").status_code == 404


# ── moved to another address ────────────────────────────────────────────────────────────────────────────


def moved(badge: str) -> AddressRecoverySettled:
    return AddressRecoverySettled(
        recovery_id="recovery",
        person_id="P1",
        registration_id=badge.lower(),
        outcome="moved",
        email="new@example.jp",
        former_email="lost@example.jp",
        begun_at=START,
        settled_at=START,
    )


def test_an_account_that_proves_the_new_address_while_it_is_moved_there_has_it_once(wallet: Wallet) -> None:
    badge = wallet.issue("lost@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
    account = account_of(wallet, "lost@example.jp")
    meanwhile(
        wallet,
        lambda tx: tx.accounts.hold(account),
        lambda: wallet.consume(moved(badge)),
        lambda tx: tx.accounts.add_address(account.account_id, "new@example.jp"),
    )
    with wallet.ports.store.transaction() as tx:
        assert [each.address for each in tx.accounts.addresses(account.account_id)] == ["new@example.jp"]


def test_an_account_that_is_made_at_the_new_address_while_the_former_one_moves_there_gets_the_badges(
    wallet: Wallet,
) -> None:
    badge = wallet.issue("lost@example.jp").assertion_id
    with wallet.browser() as browser:
        join(browser, wallet, badge)
    meanwhile(
        wallet,
        lambda tx: tx.accounts.create("一郎", "hash", "new@example.jp"),
        lambda: wallet.consume(moved(badge)),
    )
    account = account_of(wallet, "new@example.jp")
    link = wallet.mailed_link("account-recovery", "new@example.jp").split("/")[2]
    with wallet.ports.store.transaction() as tx:
        given, mailed = tx.badges.get(badge), tx.letters.link(link, "reset")
    assert given is not None and given.account_id == account.account_id
    assert mailed is not None and mailed.account_id == account.account_id


def test_a_version_that_is_handed_over_while_the_badges_move_moves_with_them(wallet: Wallet) -> None:
    first, into = wallet.issue("lost@example.jp"), wallet.issue("new@example.jp")
    with wallet.browser() as browser, wallet.browser() as other:
        join(browser, wallet, first.assertion_id)
        join(other, wallet, into.assertion_id)
    second, former = corrected(first), account_of(wallet, "lost@example.jp").account_id

    def hand_over(tx: WalletTransaction) -> None:
        tx.badges.lock_versions([first.award.registration_id])
        tx.badges.save_issued([second])
        assert tx.badges.receive(second.assertion_id, former)

    meanwhile(wallet, hand_over, lambda: wallet.consume(moved(first.assertion_id)))
    with wallet.ports.store.transaction() as tx:
        got = [tx.badges.get(each.assertion_id) for each in (first, second)]
    now = account_of(wallet, "new@example.jp").account_id
    assert [each.account_id for each in got if each is not None] == [now, now]


def test_badges_that_move_wait_for_each_other_in_one_order_with_what_is_noted_of_them(wallet: Wallet) -> None:
    later, sooner = sorted((wallet.issue("lost@example.jp") for _ in range(2)), key=lambda each: each.assertion_id)[
        ::-1
    ]
    with wallet.browser() as browser:
        for each in (later, sooner):
            join(browser, wallet, each.assertion_id)  # so that their rows stand in the other order
    meanwhile(
        wallet,
        lambda tx: tx.badges.lock_versions([sooner.award.registration_id]),
        lambda: wallet.consume(moved(later.assertion_id)),
        lambda tx: tx.badges.lock_versions([later.award.registration_id]),
    )
    with wallet.ports.store.transaction() as tx:
        assert tx.accounts.by_address("lost@example.jp") is None and tx.accounts.by_address("new@example.jp")

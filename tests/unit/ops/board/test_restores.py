from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from services.ops.board.restores import Restore, acknowledgement_id, loss_of, service_name, signs_of


def restore(service: str = "wallet", **found: Any) -> Restore:
    nothing: dict[str, Any] = {"recalled": {}, "read_again": 0, "gone": 0, "storage": {}, "replaced": False}
    at = datetime(2027, 4, 2, tzinfo=UTC)
    return Restore(id=f"{service}-1", service=service, at=at, **{**nothing, **found})


def test_each_sign_is_said_in_both_languages_with_its_count() -> None:
    signs = signs_of(
        restore(
            recalled={"BadgeReceived": 3, "BadgeVisibilityChanged": 1},
            read_again=1200,
            gone=5,
            replaced=True,
            storage={"status_bits": 2},
        )
    )
    assert len(signs) == 5
    assert all(not sign.ja.isascii() and sign.en.isascii() for sign in signs)
    assert "4件" in signs[1].ja and "BadgeVisibilityChanged 1" in signs[1].en
    assert "1,200" in signs[2].ja
    assert "akashi rebuild wallet" in signs[3].en
    assert "status_bits 2" in signs[4].en


def test_what_was_not_found_is_not_said() -> None:
    (sign,) = signs_of(restore(read_again=1))
    assert "1件" in sign.ja


def test_the_wallet_says_that_accounts_are_lost_and_how_they_are_made_again() -> None:
    loss = loss_of(restore())
    assert loss.what is not None and "パスワード" in loss.what.ja and "passwords" in loss.what.en
    assert loss.todo is not None and "リンク" in loss.todo.ja and "letter 1" in loss.todo.en


def test_a_service_that_this_release_does_not_know_has_its_own_name_and_no_loss() -> None:
    assert service_name(restore("later")).ja == "later"
    assert loss_of(restore("later")).what is None


def test_a_restore_is_acknowledged_once() -> None:
    assert acknowledgement_id("wallet-1") == "acknowledge/wallet-1"

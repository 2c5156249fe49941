"""What a server's answer makes of a message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mailer.domain.delivery import MOST_SECONDS, Bounced, Deferred, Sent, after_attempt, without_address

NOW = datetime(2026, 4, 1, tzinfo=UTC)
TARO = "taro.yamada@example.jp"


def test_only_a_deferred_letter_is_tried_again() -> None:
    assert after_attempt(Sent("250 ok"), 0, TARO, NOW).next_try_at is None
    assert after_attempt(Bounced("550 no"), 0, TARO, NOW).next_try_at is None
    deferred = after_attempt(Deferred("451 later"), 0, TARO, NOW)
    assert deferred.state == "deferred"
    assert deferred.next_try_at is not None and deferred.next_try_at > NOW


@given(st.integers(0, 200))
def test_the_pause_after_a_deferral_never_shrinks_and_is_an_hour_at_most(attempts: int) -> None:
    one = after_attempt(Deferred("451"), attempts, TARO, NOW)
    more = after_attempt(Deferred("451"), attempts + 1, TARO, NOW)
    assert one.attempts == attempts + 1
    assert one.next_try_at is not None and more.next_try_at is not None
    assert one.next_try_at <= more.next_try_at <= NOW + timedelta(seconds=MOST_SECONDS)


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("550 5.1.1 <taro.yamada@example.jp>: Recipient address rejected", "550 5.1.1 <…>: Recipient address rejected"),
        ("550 taro.yamada: unknown user", "550 …: unknown user"),
        ("550 TARO.YAMADA unknown, taro.yamadas not", "550 … unknown, taro.yamadas not"),
        ("550 宛先 Taro.Yamada は存在しません", "550 宛先 … は存在しません"),
        ("550 Taro.Yamada@EXAMPLE.jp\nsee https://help.example.jp/5", "550 <…> see https://help.example.jp/5"),
        ('550 "..taro.."@docomo.example unknown', "550 <…> unknown"),
        ("250 2.0.0 Ok: queued as 4F1A2", "250 2.0.0 Ok: queued as 4F1A2"),
        ("554 no\x00body\x1b[0m \ud800", "554 no body [0m"),
    ],
)
def test_an_answer_is_kept_without_addresses(answer: str, kept: str) -> None:
    assert without_address(answer, TARO) == kept


@given(st.from_regex(r"[a-z0-9.]{3,12}@[a-z]{2,8}\.jp", fullmatch=True), st.text(max_size=40), st.text(max_size=40))
def test_the_recipients_address_is_removed_wherever_it_stands_in_the_answer(
    address: str, before: str, after: str
) -> None:
    assert address not in without_address(f"{before} {address} {after}", address)

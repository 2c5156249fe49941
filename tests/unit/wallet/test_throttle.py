from __future__ import annotations

from datetime import timedelta

from services.wallet.domain.throttle import link_limits, login_limits


def test_strangers_and_the_owners_browser_share_no_limit() -> None:
    stranger = login_limits("a@example.jp", "192.0.2.1", 7, is_known=False)
    owner = login_limits("a@example.jp", "192.0.2.1", 7, is_known=True)
    behind_link = link_limits("A" * 26)
    keys = [{limit.key for limit in limits} for limits in (stranger, owner, behind_link)]
    assert not keys[0] & keys[1] and not keys[0] & keys[2] and not keys[1] & keys[2]


def test_two_strangers_share_only_the_wide_limit_of_an_address() -> None:
    one, two = (login_limits("a@example.jp", source, None, is_known=False) for source in ("192.0.2.1", "192.0.2.2"))
    shared = [limit for limit in one if limit in two]
    assert [(limit.most, limit.lasts) for limit in shared] == [(100, timedelta(days=1))]


def test_whether_an_address_has_an_account_makes_no_difference_to_a_stranger() -> None:
    known, unknown = (login_limits("a@example.jp", "192.0.2.1", id, is_known=False) for id in (7, None))
    assert known == unknown

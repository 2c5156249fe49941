"""How many letters go where at once, and when a server that is away is tried."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mailer.domain.pacing import Breaker, DomainLimits, Limit, Pace, parse_limits, seconds_for
from tests.worlds.records import ROOT

NOW = datetime(2026, 4, 1, tzinfo=UTC)
DOCOMO = "docomo.ne.jp"


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_no_more_than_its_connections_are_on_their_way_to_a_domain() -> None:
    pace = Pace(DomainLimits(domains={DOCOMO: Limit(connections=2)}))
    assert [pace.admit(DOCOMO, NOW) for _ in range(3)] == [True, True, False]
    assert pace.admit("example.jp", NOW)
    assert pace.busy(NOW) == [DOCOMO]
    pace.done(DOCOMO)
    assert pace.busy(NOW) == []
    assert pace.admit(DOCOMO, NOW)


@given(st.lists(st.floats(0.01, 3), min_size=1, max_size=60), st.sampled_from([0.5, 1.0, 2.0, 5.0]))
def test_a_domain_gets_no_more_than_its_letters_a_second(pauses: list[float], rate: float) -> None:
    pace = Pace(DomainLimits(domains={DOCOMO: Limit(per_second=rate)}))
    now, admitted = NOW, 0
    for pause in pauses:
        now += timedelta(seconds=pause)
        while DOCOMO not in pace.busy(now) and pace.admit(DOCOMO, now):
            admitted += 1
            pace.done(DOCOMO)
    assert admitted <= max(1.0, rate) + rate * sum(pauses[1:]) + 0.01
    assert admitted >= 1


def test_a_limit_holds_for_each_subdomain_and_the_default_for_each_other_domain() -> None:
    limits = DomainLimits(Limit(connections=9), {"ne.jp": Limit(connections=3), DOCOMO: Limit(connections=2)})
    assert limits.of(DOCOMO) == limits.of(f"mail.{DOCOMO}") == Limit(connections=2)
    assert limits.of("nifty.ne.jp") == Limit(connections=3)
    assert limits.of("xdocomo.ne.jp") == Limit(connections=3)
    assert limits.of("example.jp") == Limit(connections=9)


def test_a_clock_that_is_set_back_stops_no_domain() -> None:
    pace = Pace(DomainLimits(domains={DOCOMO: Limit(per_second=1)}))
    assert pace.admit(DOCOMO, after(86_400))
    assert pace.busy(NOW) == []


def test_the_file_of_the_repository_names_the_large_carriers() -> None:
    limits = parse_limits((ROOT / "deploy/mail/domains.toml").read_text(encoding="utf-8"))
    for domain in (DOCOMO, "ezweb.ne.jp", "au.com", "softbank.ne.jp", "i.softbank.jp", "gmail.com"):
        assert limits.of(domain).connections and limits.of(domain).per_second
    assert limits.default.connections


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[domains]\n'docomo.ne.jp' = { connections = 0 }", "connections"),
        ("[domains]\n'docomo.ne.jp' = { per_second = -1 }", "per_second"),
        ("[domains]\n'docomo.ne.jp' = { rate = 1 }", "rate"),
        ("[domains]\n'DoCoMo.ne.jp' = { connections = 1 }", "lower case"),
        ("[domains]\n'taro@docomo.ne.jp' = { connections = 1 }", "domain"),
        ("[other]\nconnections = 1", "other"),
        ("default = ", "value"),
    ],
)
def test_limits_that_make_no_sense_are_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        parse_limits(text)


def test_a_server_that_fails_three_times_in_a_row_is_tried_with_one_letter_at_a_time() -> None:
    breaker = Breaker()
    for _ in range(2):
        breaker.failed("refused", NOW)
    assert breaker.room(8, 0, NOW) == 8
    breaker.failed("refused", NOW)
    assert breaker.is_away(NOW) and breaker.room(8, 0, NOW) == 0
    assert breaker.room(8, 0, after(1)) == 1
    assert breaker.room(8, 1, after(1)) == 0
    breaker.answered()
    assert not breaker.is_away(after(1)) and breaker.room(8, 0, after(1)) == 8


def test_letters_that_were_on_their_way_when_the_server_went_away_count_once() -> None:
    breaker = Breaker()
    for _ in range(30):
        breaker.failed("refused", NOW)
    assert breaker.room(8, 0, after(1)) == 1


@given(st.integers(3, 60))
def test_a_server_that_is_away_is_tried_at_least_once_a_minute(tries: int) -> None:
    breaker, now = Breaker(), NOW
    for _ in range(tries):
        breaker.failed("refused", now)
        assert breaker.room(8, 0, now + timedelta(seconds=60)) >= 1
        now += timedelta(seconds=60)


def test_an_answer_between_two_failures_keeps_the_server_in_use() -> None:
    breaker = Breaker()
    for _ in range(10):
        breaker.failed("dropped", NOW)
        breaker.answered()
    assert breaker.room(8, 0, NOW) == 8


def test_a_wait_that_a_wrong_clock_set_is_over() -> None:
    breaker = Breaker()
    for _ in range(3):
        breaker.failed("refused", after(86_400))
    assert breaker.room(8, 0, NOW) == 1


def simulated(letters: int, limit: Limit, connections: int, each: float) -> float:
    """Seconds until the last of these letters was handed over, by `Pace` itself and a clock of small steps."""
    pace, step = Pace(DomainLimits(domains={DOCOMO: limit})), each / 8
    ends: list[float] = []
    started, now = 0, 0.0
    while started < letters or ends:
        for end in [end for end in ends if end <= now + 1e-9]:
            ends.remove(end)
            pace.done(DOCOMO)
        while started < letters and len(ends) < connections and pace.admit(DOCOMO, after(now)):
            ends.append(now + each)
            started += 1
        now += step
    return now - step


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 40),
    st.one_of(st.none(), st.integers(1, 5)),
    st.one_of(st.none(), st.sampled_from([0.5, 1.0, 2.5, 4.0])),
    st.integers(1, 6),
    st.sampled_from([0.25, 0.5, 1.0]),
)
def test_the_time_that_letters_take_is_what_the_pace_admits(
    letters: int, at_once: int | None, rate: float | None, connections: int, each: float
) -> None:
    limit = Limit(connections=at_once, per_second=rate)
    took = simulated(letters, limit, connections, each)
    said = seconds_for(letters, limit, connections, each)
    # Where both limits hold, the pace waits for one, then for the other: at least so long, and not much longer.
    assert said <= took + each and took <= said + each + (1 / rate if rate else 0) + letters * each / 8


@pytest.mark.parametrize(
    ("letters", "limit", "seconds"),
    [
        (0, Limit(), 0),
        (1, Limit(per_second=0.5), 0.5),
        (3, Limit(per_second=0.5), 4.5),
        (101, Limit(per_second=1.0), 100.5),
        (8, Limit(connections=1), 4.0),
        (8, Limit(), 1.0),
        (8, Limit(connections=99), 1.0),
    ],
)
def test_a_limit_makes_letters_take_time(letters: int, limit: Limit, seconds: float) -> None:
    assert seconds_for(letters, limit, connections=4, each=0.5) == seconds


@pytest.mark.parametrize("tries", [3, 4, 20])
def test_who_has_no_letter_to_try_with_says_no_more_that_the_server_is_away(tries: int) -> None:
    breaker, now = Breaker(), NOW
    for _ in range(tries):
        breaker.failed("refused", now)
        now += timedelta(minutes=1)
    last = now - timedelta(minutes=1)
    assert breaker.is_away(last) and breaker.is_away(last + timedelta(minutes=1))
    assert not breaker.is_away(last + timedelta(minutes=4))  # another replica may have letters and an answer
    breaker.failed("refused", last + timedelta(minutes=5))
    assert breaker.is_away(last + timedelta(minutes=5))


@pytest.mark.parametrize("rate", [0.1, 0.5, 1.0, 5.0])
def test_a_domain_is_written_to_until_its_letters_a_second_are_there_again(rate: float) -> None:
    pace = Pace(DomainLimits(domains={DOCOMO: Limit(per_second=rate)}))
    assert pace.written_to(NOW) == set()
    assert pace.admit(DOCOMO, NOW)
    assert pace.written_to(NOW) == {DOCOMO}
    pace.done(DOCOMO)
    assert pace.written_to(after(0.9 / rate)) == {DOCOMO}
    assert pace.written_to(after(1.1 / rate)) == set()

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from shared.runtime.web.language import day_element, day_text, language_of, moment_element, moment_text, phrases


@pytest.mark.parametrize(
    ("query", "cookie", "accept", "expected"),
    [
        (None, None, None, "ja"),
        (None, None, "en-US,en;q=0.9", "en"),
        (None, None, "en-US,ja;q=0.9", "en"),
        (None, None, "ja,en-US;q=0.9", "ja"),
        (None, None, "fr-FR", "ja"),
        (None, None, "en;q=rubbish", "ja"),
        (None, "ja", "en-US", "ja"),
        ("en", "ja", "ja", "en"),
        ("xx", "en", None, "en"),
    ],
)
def test_what_the_visitor_chose_wins_over_the_browser_and_japanese_is_the_default(
    query: str | None, cookie: str | None, accept: str | None, expected: str
) -> None:
    assert language_of(query, cookie, accept) == expected


@given(st.text())
def test_every_accept_language_header_gives_a_language(accept: str) -> None:
    assert language_of(None, None, accept) in ("ja", "en")


def test_days_are_written_as_each_language_writes_them() -> None:
    day = date(2026, 4, 1)
    assert day_text(day, "ja") == "2026年4月1日"
    assert day_text(day, "en") == "1 April 2026"
    assert day_element(day, "ja") == Markup('<time datetime="2026-04-01">2026年4月1日</time>')


def test_a_moment_of_the_night_in_london_shows_the_next_day_of_japan() -> None:
    moment = datetime(2026, 3, 31, 15, 4, tzinfo=UTC)
    assert moment_text(moment, "ja") == "2026年4月1日 0時04分"
    assert moment_text(moment, "en") == "1 April 2026, 00:04 JST"
    expected = '<time datetime="2026-04-01T00:04:00+09:00">1 April 2026,</time> <span class="nb">00:04 JST</span>'
    assert moment_element(moment, "en") == Markup(expected)


def test_phrases_may_break_between_words_only_and_are_escaped() -> None:
    assert "メールアドレスの<wbr>" in phrases("メールアドレスの登録")
    assert "オープンバッジ<wbr>ウォレット" in phrases("オープンバッジウォレットの使い方"), (
        "as one word wider than a phone"
    )
    assert "コンクリート<wbr>主任技士" in phrases("コンクリート主任技士"), "wider than a phone with large letters"
    assert phrases("URLコピー") == Markup("URLコピー")
    assert phrases("ただいま混み合っています") == Markup("ただいま混み合っています")
    assert phrases("<b>証明書</b>").count("<b>") == 0
    assert phrases("Plain & simple") == Markup("Plain &amp; simple")


@given(st.text())
def test_phrases_keep_every_letter(text: str) -> None:
    assert phrases(text).replace(Markup("<wbr>"), "") == Markup.escape(text)

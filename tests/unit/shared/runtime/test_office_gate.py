"""`own_path`, and the names and limits of office_accounts."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.web.office_accounts import limits_of, name_key, name_problem
from shared.runtime.web.office_gate import own_path


@given(st.text() | st.builds("/{}".format, st.text()) | st.builds("{}evil.example".format, st.text("/\\\t\n:. ")))
def test_wherever_one_wanted_to_go_it_is_on_this_site(text: str) -> None:
    path = own_path(text)
    assert path.startswith("/") and path.isascii() and path.isprintable()
    parts = urlsplit(urljoin("https://ops.example/sign-in", path))
    assert (parts.scheme, parts.netloc) == ("https", "ops.example")


@pytest.mark.parametrize("path", ["/", "/people", "/people?state=held&reason=no-glyph", "/decisions?about=revoke/A"])
def test_a_page_of_this_site_is_where_one_goes(path: str) -> None:
    assert own_path(path) == path


@pytest.mark.parametrize("other", ["山田花子", "　山田　花子", "山田 花子 ", "ﾔﾏﾀﾞ"])
def test_spellings_of_one_name_are_one_account(other: str) -> None:
    assert (name_key(other) == name_key("山田 花子")) == (other != "ﾔﾏﾀﾞ")
    assert name_key("ＡＢＣ") == name_key("abc")


@pytest.mark.parametrize("name", ["", "　 ", "x" * 101, "山\u202e田", "a\0b", "a\nb"])
def test_what_is_no_name_is_told(name: str) -> None:
    assert name_problem(name) is not None and name_problem("山田 花子") is None


def test_tries_are_limited_by_source_by_name_and_by_both() -> None:
    keys = [limit.key.split("/")[0] for limit in limits_of("192.0.2.1", "山田")]
    assert sorted(keys) == ["both", "name", "source"]
    both, source, _ = limits_of("192.0.2.1", "山田")
    assert both.most < source.most and limits_of("192.0.2.1", "佐藤")[1] == source

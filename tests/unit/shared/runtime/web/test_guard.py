from __future__ import annotations

import pytest

from shared.runtime.web.guard import is_cross_site

HOST = {"host": "wallet.example.jp"}


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "https://wallet.example.jp"},
        {"origin": "https://evil.example"},
        {"origin": "https://wallet.example.jp.evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://["},
        {"origin": "https://wallet.example.jp]"},
    ],
)
def test_a_post_of_another_site_is_cross_site(headers: dict[str, str]) -> None:
    assert is_cross_site("POST", {**HOST, **headers})
    assert is_cross_site("DELETE", {**HOST, **headers})


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"origin": "https://wallet.example.jp"},
        {},
        {"origin": "https://evil.example", "x-api-key": "k"},
        {"sec-fetch-site": "cross-site", "authorization": "Bearer k"},
    ],
)
def test_own_forms_programs_and_api_clients_are_not_cross_site(headers: dict[str, str]) -> None:
    assert not is_cross_site("POST", {**HOST, **headers})


def test_a_link_from_another_site_is_not_cross_site() -> None:
    assert not is_cross_site("GET", {**HOST, "sec-fetch-site": "cross-site"})

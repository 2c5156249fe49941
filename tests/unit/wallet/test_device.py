from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.wallet.domain.device import device_name

IOS = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)"
ANDROID = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (
            f"{IOS} Version/18.1 Safari/604",
            "Safari（iPhone）",
        ),
        (
            f"{IOS} CriOS/130 Safari/604",
            "Chrome（iPhone）",
        ),
        (f"{ANDROID} Chrome/130 Mobile Safari/537", "Chrome（Android）"),
        (
            f"{ANDROID} SamsungBrowser/27 Chrome/125 Safari/537",
            "Samsung Internet（Android）",
        ),
        ("Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537 Chrome/130 Safari/537 Edg/130", "Edge（Windows）"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132) Gecko/20100101 Firefox/132", "Firefox（Mac）"),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537 HeadlessChrome/130 Safari/537", "Chrome（Linux）"),
        ("python-httpx/0.28", ""),
        ("", ""),
    ],
)
def test_a_browser_is_named_as_people_know_it(user_agent: str, name: str) -> None:
    assert device_name(user_agent) == name


@given(st.text())
def test_nothing_else_of_a_user_agent_is_kept(user_agent: str) -> None:
    assert len(device_name(user_agent)) < 30

"""What a request tells of the browser that sent it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("YaBrowser", "Yandex"),
    ("Line/", "LINE"),
    ("FxiOS", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True)
class Browser:
    """`session`, `device`: the tokens of its cookies. `source`: the client's network. `name`: as people know it."""

    session: str | None = None
    device: str | None = None
    source: str = ""
    name: str = ""
    language: Literal["ja", "en"] = "ja"


def device_name(user_agent: str) -> str:
    """Safari（iPhone）, Chrome（Windows）; empty for what is no browser that we know. Nothing else of it is kept."""
    found = [next((name for mark, name in marks if mark in user_agent), "") for marks in (_BROWSERS, _SYSTEMS)]
    return f"{found[0]}（{found[1]}）" if all(found) else found[0] or found[1]

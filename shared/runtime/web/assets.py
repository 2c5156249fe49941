"""Files of a folder `static`, served from memory under names that hold their hash: browsers may keep them for ever."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".wasm": "application/wasm",
    ".json": "application/json",
}


@dataclass(frozen=True)
class Asset:
    body: bytes
    zipped: bytes
    media_type: str


class Assets:
    """`app.min.css` is asked for as `app.css` and served as `app.<hash>.css`."""

    def __init__(self, folders: Iterable[Path], accent: str | None = None) -> None:
        """`accent` is the society's colour, "#1f4e79", which app.css takes for its `--accent`."""
        self._accent = accent
        self._urls: dict[str, str] = {}
        self._assets: dict[str, Asset] = {}
        for folder in folders:
            for path in sorted(folder.glob("*")):
                if path.suffix in TYPES:
                    self._add(path)

    def _add(self, path: Path) -> None:
        body = path.read_bytes()
        if path.name == "app.min.css" and self._accent is not None:
            body += f":root{{--accent:{self._accent}}}\n".encode()
        stem = path.stem.removesuffix(".min")
        served = f"{stem}.{hashlib.sha256(body).hexdigest()[:12]}{path.suffix}"
        self._urls[f"{stem}{path.suffix}"] = f"/static/{served}"
        self._assets[served] = Asset(body, _zipped(body), TYPES[path.suffix])

    def url(self, name: str) -> str:
        """The path of a file. KeyError, which fails the page's test, for a file that is not there."""
        return self._urls[name]

    def get(self, served: str) -> Asset | None:
        return self._assets.get(served)


@cache
def _zipped(body: bytes) -> bytes:
    """Once for all sites of a process."""
    return gzip.compress(body, mtime=0)

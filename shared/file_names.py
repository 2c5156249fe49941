"""What the files of a badge are called when they are downloaded. Used by wallet and verifier."""

from __future__ import annotations

import re
from urllib.parse import quote

_UNFIT = re.compile(r'[\\/:*?"<>|\s]+')  # what a file system refuses in a name


def file_title(qualification: str, edition: str) -> str:
    """Without the ending: コンクリート技士_2026."""
    return _UNFIT.sub("_", f"{qualification}_{edition}")


def attachment(plain: str, name: str) -> str:
    """Content-Disposition of a download (RFC 6266): an ASCII name for old programs, the real one for others."""
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"

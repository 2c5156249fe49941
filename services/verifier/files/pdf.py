"""The credential attached to a PDF (ISO 32000-2, 7.11.4). Read in a child process with limits on time and memory.

A PDF of 1 MB may unpack to a thousand times that, have a page tree with a cycle, or a broken index that takes minutes
to repair: it can cost no more than the child may use.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from services.verifier.files.pdf_child import MAX_BYTES, MAX_SECONDS
from shared.credentials.baking import MAX_FILE_BYTES
from shared.errors import HoldsNothing, TryLater, Unreadable

_CHILD = Path(__file__).with_name("pdf_child.py")
_HEADER = b"%PDF-"
_SECONDS = 20.0  # of real time, which a busy machine can use up; MAX_SECONDS is CPU time

_EMPTY = 3
_ADDRESSES = 7
_WHY = {
    _EMPTY: "got a PDF that holds no credential (scan the QR code on it instead), expected one attached",
    4: "got a PDF with several documents attached, expected one called credential.json",
    5: f"got an attached document of more than {MAX_BYTES} bytes, expected fewer",
    6: "got a PDF that is broken or locked, expected one that can be read",
}


class LeadsElsewhere(HoldsNothing):
    """A PDF without a credential that names web addresses: perhaps that of the page of a printed certificate."""

    def __init__(self, text: str, addresses: tuple[str, ...]) -> None:
        super().__init__(text)
        self.addresses = addresses


def is_pdf(content: bytes) -> bool:
    return content[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_HEADER)


def without_pdf(content: bytes) -> bytes:
    """The document attached to a PDF; other content is returned as it is.

    HoldsNothing for a PDF without one, LeadsElsewhere if it names web addresses; Unreadable, with what to do, for a
    broken one, or one that exceeds the limits. TryLater when this machine was too busy to tell. How many are read at
    once is for the caller to limit.
    """
    if not is_pdf(content):
        return content
    if len(content) > MAX_FILE_BYTES:
        raise Unreadable(f"got {len(content)} bytes, expected at most {MAX_FILE_BYTES}")
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(_CHILD)], input=content, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise TryLater(f"this machine was too busy to read a PDF within {_SECONDS:g} s") from None
    if done.returncode == 0:
        return done.stdout
    if done.returncode == _ADDRESSES:
        raise LeadsElsewhere(_WHY[_EMPTY], tuple(done.stdout.decode("ascii").split("\n")))
    if done.returncode == _EMPTY:
        raise HoldsNothing(_WHY[_EMPTY])
    raise Unreadable(
        _WHY.get(done.returncode, f"got a PDF that takes more than {MAX_SECONDS} s or too much memory to read")
    )

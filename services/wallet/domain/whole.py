"""Whether an object is a whole document, by how it begins and ends: what was cut off is not given out as a file; pure.

A hash would say more, but the PDFs of a programme that signs them have another one after they were made again.
"""

from __future__ import annotations

import msgspec

_ENDS = {
    "pdf": (b"%PDF-", b"%%EOF"),  # ISO 32000-1, 7.5.2 and 7.5.5
    "png": (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"),  # PNG (Third Edition), 5.2 and 11.2.5
    "svg": (b"<", b"</svg>"),
}


def is_whole(key: str, content: bytes) -> bool:
    """By what the key's last part says that it is; True for what is none of these."""
    form = key.rpartition(".")[2]
    if form == "json":
        try:
            msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        return True
    first, last = _ENDS.get(form, (b"", b""))
    return content.startswith(first) and content.rstrip().endswith(last)

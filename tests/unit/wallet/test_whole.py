"""Which bytes are a whole document: nothing that is cut off anywhere is."""

from __future__ import annotations

import pytest

from services.wallet.domain.whole import is_whole

WHOLE = {
    "certificates/A/certificate.pdf": b"%PDF-1.7\n1 0 obj\nstartxref\n9\n%%EOF\n",
    "credentials/A.json": b'{"a": {"b": "\xe8\xa8\xbc"}, "c": [1, {}]}',
    "badges/gishi/2026.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0IEND\xaeB`\x82",
    "badges/gishi/2026.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><g></g></svg>\n',
}


@pytest.mark.parametrize("key", WHOLE)
def test_a_document_is_whole_only_with_all_its_bytes(key: str) -> None:
    content = WHOLE[key]
    assert is_whole(key, content)
    for end in range(len(content.rstrip())):
        assert not is_whole(key, content[:end]), content[:end]
    assert not is_whole(key, content[1:])


@pytest.mark.parametrize("key", WHOLE)
@pytest.mark.parametrize("other", [b"<html>soon back</html>", b"[]", b"null", b"\xff", bytes(40)])
def test_something_else_in_its_place_is_not_the_document(key: str, other: bytes) -> None:
    assert not is_whole(key, other)


def test_of_other_objects_nothing_is_asked() -> None:
    assert is_whole("print-sheets/A", b"")

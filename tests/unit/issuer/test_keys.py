from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from services.issuer.signing.keys import create_key, keys_in, refuse_unlisted
from shared.errors import RefuseToStart
from tests.worlds.issuing import DID, KEY


def test_the_keys_of_a_did_document_are_read_without_the_chain_key() -> None:
    chained = {"id": "x#chain", "type": "JsonWebKey", "publicKeyJwk": {}}
    document = {**DID, "verificationMethod": [*DID["verificationMethod"], chained]}
    assert keys_in(json.dumps(document).encode()) == [KEY.public]


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"verificationMethod": [{"type": "Multikey"}]}'])
def test_a_document_that_says_nothing_of_keys_stops_the_start(body: bytes) -> None:
    with pytest.raises(RefuseToStart, match=r"issuer/did\.json: got"):
        keys_in(body)


def test_an_unlisted_key_is_refused_unless_none_is_listed() -> None:
    refuse_unlisted("z6MkA", [])
    refuse_unlisted("z6MkA", ["z6MkB", "z6MkA"])
    with pytest.raises(RefuseToStart, match=r"got the key z6MkA, expected .*z6MkB"):
        refuse_unlisted("z6MkA", ["z6MkB"])


def test_dying_while_a_key_is_made_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", die)
    with pytest.raises(KeyboardInterrupt):
        create_key(tmp_path / "issuer.pem")
    assert list(tmp_path.iterdir()) == []


def test_a_key_made_by_another_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, link = tmp_path / "issuer.pem", os.link

    def late(source: Any, target: Any) -> None:
        file.write_text("another's")
        link(source, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(FileExistsError):
        create_key(file)
    assert file.read_text() == "another's"
    assert list(tmp_path.iterdir()) == [file]

"""`akashi anchor` and `akashi contract` as they are typed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from services.anchor.commands.anchor import anchor
from services.anchor.commands.contract import contract
from services.anchor.network.keystore import create_keystore, open_keystore


def helps(group: click.Group) -> Iterator[str]:
    for command in (group, *group.commands.values()):
        yield command.help or ""
        for parameter in command.params:
            yield getattr(parameter, "help", "") or ""


@pytest.mark.parametrize("group", [anchor, contract])
def test_every_help_text_is_japanese_first_with_english_beside(group: click.Group) -> None:
    for text in helps(group):
        japanese, separator, english = text.partition("/ ")
        assert separator
        assert not japanese.isascii()
        assert english.split("[")[0].isascii()


def test_the_key_command_keeps_an_existing_key_and_prints_its_address(tmp_path: Path) -> None:
    keystore, password, public = (tmp_path / name for name in ("key.json", "word", "public.json"))
    address = create_keystore(keystore, password, public, rounds=2)
    public.unlink()
    arguments = ["key", "--keystore", str(keystore), "--password-file", str(password), "--public-key", str(public)]
    result = CliRunner().invoke(contract, arguments)
    assert result.stdout.strip() == address == open_keystore(keystore, password).address
    assert public.exists()

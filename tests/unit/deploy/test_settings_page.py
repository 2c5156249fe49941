"""docs/settings.md: every setting that code reads is there, with its services and its default, and no other is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from shared.runtime.settings import Settings
from shared.topics import SERVICES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
CODE = [each for top in ("services", "shared", "deploy") for each in sorted((ROOT / top).rglob("*.py"))]
READERS = {name for name in vars(Settings) if not name.startswith("_")}
NO_SETTINGS = {"AKASHI_PART"}
"""What the supervisor writes into the environment of what it starts, to know it again."""

OF_ALL = {"AKASHI_CLOCK", "PROGRAMME_FILE"} | set(re.findall(r"\| `([A-Z_]+)`", PAGE.partition("## TLS")[2]))
"""Read for each service by shared code, by `clock` and `programme`, and by the table of Kafka."""


class Row(NamedTuple):
    services: str
    default: str
    meaning: str


def word_of(call: ast.Call) -> str | None:
    """The setting that a call reads, if it reads one."""
    for given in call.keywords:
        if given.arg == "envvar" and isinstance(given.value, ast.Constant):
            return str(given.value.value)
    called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if called not in READERS and not (called == "get" and "environ" in ast.unparse(call.func)):
        return None
    for word in call.args[:2]:  # `_if_given(settings, NAME, …)`
        if isinstance(word, ast.Constant) and re.fullmatch(r"[A-Z][A-Z0-9_]+", str(word.value)):
            return str(word.value)
    return None


@cache
def reads_of(file: Path) -> tuple[tuple[str, ast.Call], ...]:
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text if re.search(r"ettings|environ|envvar", text) else "")
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    return tuple((name, call) for call in calls if (name := word_of(call)))


def reads(files: Sequence[Path] = CODE) -> Iterator[tuple[str, ast.Call]]:
    """Each place at which code reads a setting by its name."""
    for file in files:
        yield from reads_of(file)


def rows() -> dict[str, Row]:
    """The first table of the page."""
    found = {}
    for line in PAGE.partition("\n## ")[0].splitlines():
        if not line.startswith("| `"):
            continue
        cells = [each.strip() for each in re.split(r" \|(?= |$)", line.removeprefix("|"))]
        found.update(dict.fromkeys(re.findall(r"`([A-Z0-9_]+)`", cells[0]), Row(*cells[1:4])))
    return found


ROWS = rows()


def test_every_setting_that_code_reads_is_on_the_page() -> None:
    names = {name for name, _ in reads()} - NO_SETTINGS
    assert len(names) > 90
    assert {name for name in names if f"`{name}`" not in PAGE} == set()


def test_every_setting_of_the_tables_is_read_by_code() -> None:
    tabled = set(ROWS) | set(re.findall(r"^\| `([A-Z0-9_]+)`", PAGE, re.MULTILINE))
    named = {word for file in CODE for word in re.findall(r'"([A-Z][A-Z0-9_]+)"', file.read_text(encoding="utf-8"))}
    assert len(tabled) > 70 and tabled - named == set()


def default_of(call: ast.Call) -> str | None:
    """As the page writes it; None for one that says nothing, such as 0, or that has a name of its own."""
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    place = {"choice": 2, "read": 3}.get(method, 1 if method in READERS else len(call.args))
    given = [*call.args[place : place + 1], *(each.value for each in call.keywords if each.arg == "default")]
    text = ast.unparse(given[0]) if given else ""
    if not re.fullmatch(r"[\d._ *]+|'[^']+'", text):
        return None
    value = eval(text)  # numbers and a text of our own code
    if not isinstance(value, int | float):
        return str(value)
    if value >= 2**20 and value % 2**20 == 0:
        return f"{value // 2**20} MiB"
    return f"{value:,.0f}".replace(",", " ") if value >= 1000 else f"{value:g}"


def test_every_default_of_the_code_is_that_of_the_page() -> None:
    found = [
        (name, default) for name, call in reads() if name in ROWS and (default := default_of(call)) not in (None, "0")
    ]
    assert len(found) > 25
    assert [(name, text, ROWS[name].default) for name, text in found if str(text) not in ROWS[name].default] == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_the_settings_that_the_page_gives_it(service: str) -> None:
    config = ROOT / "services" / service / "config.py"
    text = config.read_text(encoding="utf-8")
    shared = {
        "read_runtime": ROOT / "shared" / "runtime" / "settings.py",
        "read_networks": ROOT / "shared" / "chain" / "lookup.py",
    }
    own = {name for name, _ in reads([config])}
    own |= {name for call, file in shared.items() if call in text for name, _ in reads([file])}
    own |= {"NETWORKS_FILE"} if "read_networks" in text else set()
    own |= {"KAFKA_BOOTSTRAP", "KAFKA_SECURITY"} | OF_ALL
    own -= set() if "read_object_storage(" in text else {"S3_ENDPOINT", "S3_BUCKET", "S3_CREDENTIALS_FILE"}
    assert {n for n, row in ROWS.items() if row.services == "all" or service in row.services.split(", ")} - own == set()
    mentioned = {
        n for n, row in ROWS.items() if row.services == "all" or service in f"{row.services} {row.meaning}".lower()
    }
    assert {name for name in {each for each, _ in reads([config])} & set(ROWS) if name not in mentioned} == set()

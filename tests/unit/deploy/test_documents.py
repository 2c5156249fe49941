"""What documents name is there: links and their headings, files, tests, decisions, reasons of a hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from shared.events import HeldReason

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
OURS = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
DOCUMENTS = [*OURS, *(each for folder in ("tests", "shared") for each in sorted((ROOT / folder).rglob("*.md")))]
CODE = (".py", ".mjs", ".js", ".html", ".css", ".sol", ".sql", ".toml", ".yaml", ".env")
FOLDERS = ("services", "shared", "deploy", "tests", "docs")
OF_OPERATORS = {"networks.toml", "deploy/secrets"}
"""What an installation makes, and no commit has."""

_TESTS = DOCS / "security.md"
_RULE = DOCS / "testing.md"


def in_code(text: str) -> Iterator[str]:
    """The words in single backquotes of a line."""
    for code in re.findall(r"`([^`]+)`", text):
        yield from code.split()


def headings(text: str) -> set[str]:
    """What a link may name behind the #, as GitHub writes it."""
    plain = [re.sub(r"[`*]|\[|\]\([^)]*\)", "", each) for each in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in plain} | set(
        re.findall(r'id="([^"]+)"', text)
    )


def link_fault(document: Path, link: str) -> str | None:
    path, _, heading = link.partition("#")
    target = document.parent / path if path else document
    if not target.exists():
        return f"no {path}"
    if heading and heading not in headings(target.read_text(encoding="utf-8")):
        return f"no heading #{heading} in {target.name}"
    return None


def links(document: Path) -> Iterator[str]:
    for link in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", document.read_text(encoding="utf-8")):
        if not (found := link[0] or link[1]).startswith(("http", "mailto:")):
            yield found


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    assert [f"{link}: {fault}" for link in links(document) if (fault := link_fault(document, link))] == []


def test_a_link_to_nothing_is_found() -> None:
    assert link_fault(_RULE, "nowhere.md") and link_fault(_RULE, "settings.md#nowhere") and link_fault(_RULE, "#x")
    assert link_fault(_RULE, "settings.md#http") is None


@cache
def file_fault(name: str) -> str | None:
    """None if `name` is a file or folder of ours, whole or from any folder on; capital X stands for any name."""
    name = name.strip(",;:()").rstrip("/")
    if not re.fullmatch(r"\w[\w./*-]*", name) or name in OF_OPERATORS:
        return None
    if not (name.endswith(CODE) or (name.split("/")[0] in FOLDERS and "/" in name)):
        return None
    pattern = re.sub(r"\b[XY]\b|(?<=_)[XY]\b|\bX(?=_)|(?<=_)X(?=_)", "*", name)
    whole = name.split("/")[0] in FOLDERS
    below = (each for top in FOLDERS for each in (ROOT / top).rglob(pattern))
    found = next(ROOT.glob(pattern), None) or (None if whole else next(below, None))
    return None if found else f"no {name}"


@pytest.mark.parametrize("document", OURS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_of_ours_that_is_named_is_there(document: Path) -> None:
    lines = document.read_text(encoding="utf-8").splitlines()
    assert [f"{n}: {fault}" for n, line in enumerate(lines, 1) for w in in_code(line) if (fault := file_fault(w))] == []


@pytest.mark.parametrize(
    "name", ["services/mailer/nobody.py", "nobody.py", "tests/e2e/test_nobody.py", "services/*/no.py"]
)
def test_a_file_that_is_not_there_is_found(name: str) -> None:
    assert file_fault(name)
    assert file_fault("services/*/handlers.py") is None and file_fault("tests/unit/X/test_readiness.py") is None


def test_a_bare_name_of_the_readme_is_near_the_path_before_it() -> None:
    """`a/b/c.py`, `d.py`: d.py is in a/b, or counted from there or from a folder above."""
    faults = []
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        near: Path | None = None
        for name in re.findall(r"`([\w./]+\.py)`", line):
            if (ROOT / name).exists():
                near = Path(name).parent
            elif near and not any((ROOT / each / name).exists() for each in (near, *near.parents)):
                faults.append(f"{name} behind {near}")
    assert faults == []


def named_tests() -> Iterator[tuple[str, str]]:
    """File below tests/ and function, of the tables of docs/security.md and its short names."""
    text = _TESTS.read_text(encoding="utf-8")
    short = dict(re.findall(r"`(\w+)`\s(?:is\s)?`(integration/test_\w+\.py)`", text))
    for line in text.splitlines():
        file = ""
        for word, code in re.findall(rf"\b({'|'.join(short)})(?= `)|`([^`]+)`", line):
            if word:
                file = short[word]
            elif code.startswith("test_"):
                yield file, code
            elif re.match(r"(unit|integration|browser|e2e)/", code):
                file, _, function = code.partition("::")
                yield file, function


def test_every_test_that_the_page_of_safety_names_is_there() -> None:
    found = list(named_tests())
    assert len(found) > 80
    faults = [f"{file}::{name}" for file, name in found if not _is_test(file, name)]
    assert faults == []


def _is_test(file: str, name: str) -> bool:
    path = ROOT / "tests" / file
    return path.is_file() and (not name or f"def {name}(" in path.read_text(encoding="utf-8"))


def test_every_decision_is_listed_by_its_number() -> None:
    listed = re.findall(r"^\| (\d+) \| \[[^\]]+\]\((decisions/\S+\.md)\) \|$", (DOCS / "design.md").read_text(), re.M)
    records = sorted((DOCS / "decisions").glob("0*.md"))
    assert [path for _, path in listed] == [f"decisions/{each.name}" for each in records]
    for (number, _), record in zip(listed, records, strict=True):
        assert record.read_text(encoding="utf-8").startswith(f"# {number}. "), record.name
        assert record.name.startswith(f"{int(number):04}-"), record.name


def test_every_pure_module_of_a_service_has_its_test_where_the_page_of_tests_says() -> None:
    said = _RULE.read_text(encoding="utf-8")
    tests = list((ROOT / "tests" / "unit").rglob("test_*.py"))
    heads = {each: each.read_text(encoding="utf-8").splitlines()[0] for each in tests}
    faults = []
    for module in sorted((ROOT / "services").glob("*/domain/*.py")):
        of_service = [each for each in tests if module.parts[-3] in each.parts]
        is_named = any(re.search(rf"\b{module.stem}\b", heads[each]) for each in of_service)
        if not (
            module.stem == "__init__"
            or is_named
            or f"`{module.name}`" in said
            or any(each.name == f"test_{module.name}" for each in of_service)
        ):
            faults.append(str(module.relative_to(ROOT)))
    assert faults == []


@pytest.mark.parametrize(
    ("page", "head"),
    [
        ("operations.md", "## Why people are held, and what the office does"),
        ("registration.md", "## Processing of a registration"),
    ],
)
def test_every_reason_of_a_hold_is_explained(page: str, head: str) -> None:
    section = (DOCS / page).read_text(encoding="utf-8").partition(head)[2].partition("\n## ")[0]
    assert [reason for reason in get_args(HeldReason) if f"`{reason}`" not in section] == []

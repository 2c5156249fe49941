"""Each code that a check can give has words, and each that has words is given by somebody."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import get_args

import pytest

from services.ops.rehearsal.faults import FAULTS, Words
from services.ops.rehearsal.judgement import check_line
from services.ops.rehearsal.wording import CHECKS, UNASKED, words_of
from shared.readiness import FaultCode, Finding, Unasked, fault, ok

WORDS: dict[str, Words] = {**dict[str, Words](FAULTS.items()), **dict[str, Words](UNASKED.items())}
SOURCES = [
    file.read_text(encoding="utf-8")
    for folder in ("services", "shared")
    for file in Path(folder).rglob("*.py")
    if "rehearsal/faults" not in str(file) and file.parts[-2:] != ("shared", "readiness.py")
    if "ops/rehearsal/wording" not in str(file)
]


def test_every_code_has_words_and_no_other_has() -> None:
    assert set(FAULTS) == set(get_args(FaultCode)) and set(UNASKED) == set(get_args(Unasked))


@pytest.mark.parametrize("code", list(WORDS))
def test_every_code_is_given_by_some_check(code: str) -> None:
    assert any(f'"{code}"' in source for source in SOURCES)


@pytest.mark.parametrize("code", list(WORDS))
def test_every_code_says_what_was_found_and_the_next_step_in_both_languages(code: str) -> None:
    found, following = WORDS[code]
    for text in (found, following):
        named = [{name for _, name, _, _ in string.Formatter().parse(each) if name} for each in (text.ja, text.en)]
        assert named[0] == named[1]
    plain = re.sub(r"\{\w+\}", "", following.ja)
    assert re.search(r"[ぁ-ん一-龠]", plain) and not re.search(r"[ぁ-ん一-龠]", following.en)
    assert following.ja.endswith(("。", "}")) and following.en.endswith((".", "}"))


def test_every_check_that_gives_a_finding_has_a_name() -> None:
    given = {
        name for source in SOURCES for name in re.findall(r"\b(?:ok|fault|not_asked|ending)\(\s*\"([a-z-]+)\"", source)
    }
    constants = {
        name
        for source in SOURCES
        for name in re.findall(r"^(?:KEY|CHAIN|DID|RELAY|CERTIFICATE)(?:, \w+)* = (.+)$", source, re.M)
    }
    named = {name for line in constants for name in re.findall(r"\"([a-z-]+)\"", line)}
    assert given | named <= set(CHECKS)


def test_facts_are_filled_in_and_one_that_is_missing_is_a_dash() -> None:
    words = words_of(fault("disks", "disk-full", "/data", free="1.0"))
    assert words is not None and "/data" in words.found.ja and "1.0 GB" in words.found.ja and "–" in words.found.ja
    assert words_of(ok("disks")) is None


@pytest.mark.parametrize("code", ["of-a-later-release", "{about}", "{0.__class__}"])
def test_a_code_of_a_later_release_is_shown_as_it_is(code: str) -> None:
    line = check_line("anchor", Finding(check="chain:hoodi", state="fault", code=code))
    assert line.found is not None and line.found.ja == code and line.name.ja == "チェーン"
    assert check_line("anchor", Finding(check="brand-new", state="ok")).name.ja == "brand-new"

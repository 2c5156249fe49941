"""Validation of an assertion before it is signed. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from services.issuer.domain.issuance import Assertion
from shared.credentials.credential import DoNotSign, text_problem
from shared.credentials.status_list import LENGTH
from shared.object_keys import is_assertion_id, is_edition
from shared.programme import Programme

LONGEST_NAME = 64
"""Code points of 氏 and of 名, each: the limit of registration, and what one line of the 証書 holds."""

LONGEST_TEXT = 100
"""Code points of a number or id."""

_LONGEST_ADDRESS = 254  # a path of SMTP without its brackets (RFC 5321, 4.5.3.1.3)


def refuse_unsound(assertion: Assertion, programme: Programme) -> None:
    """DoNotSign for the first invalid field of an assertion: field, got, expected. The text holds no personal data."""
    for field, problem in _problems(assertion, programme):
        raise DoNotSign(f"{field}: {problem}")


def _problems(assertion: Assertion, programme: Programme) -> Iterator[tuple[str, str]]:
    award, holder, status = assertion.award, assertion.holder, assertion.status
    if award.qualification not in programme.qualifications:
        yield "qualification", f"got {award.qualification!r}, expected one of {', '.join(programme.qualifications)}"
    if award.valid_until < award.valid_from:
        yield "valid_until", f"got {award.valid_until}, expected a day not before valid_from, {award.valid_from}"
    for field, text, longest in (
        ("family_name", holder.family_name, LONGEST_NAME),
        ("given_name", holder.given_name, LONGEST_NAME),
        ("pass_number", award.pass_number, LONGEST_TEXT),
        ("registration_number", award.registration_number, LONGEST_TEXT),
        ("registration_id", award.registration_id, LONGEST_TEXT),
        ("email", holder.email, _LONGEST_ADDRESS),
    ):
        if text.isprintable() and text.strip() and len(text) <= longest and "{" not in text and "}" not in text:
            continue  # fast path: nearly all texts
        problem = _text_problem(text, longest)
        if problem is not None:
            yield field, problem
    if not is_edition(assertion.edition):
        yield "edition", f"got {assertion.edition!r}, expected a year, or a year and a number: 2026, 2026-2"
    if status.number < 1:
        yield "status.number", f"got {status.number}, expected the number of a status list, from 1"
    if not 0 <= status.index < LENGTH:
        yield "status.index", f"got {status.index}, expected a bit from 0 to {LENGTH - 1}"
    if assertion.version < 1:
        yield "version", f"got {assertion.version}, expected a number from 1"
    if assertion.issued_at.tzinfo is None:
        yield "issued_at", "got a time without offset, expected an aware one"
    for field, id in (
        ("assertion_id", assertion.assertion_id),
        ("replaces", assertion.replaces),
        ("corrects", assertion.corrects),
    ):
        if id is not None and not is_assertion_id(id):
            yield field, f"got {id[:40]!r}, expected 26 characters A-Z, 2-7"
    if assertion.assertion_id in (assertion.replaces, assertion.corrects):
        yield "replaces, corrects", "got the assertion's own id, expected another's"


def _text_problem(text: str, longest: int) -> str | None:
    if not text or text.isspace():
        return "got nothing, expected a text"
    if len(text) > longest:
        return f"got {len(text)} characters, expected at most {longest}"
    return text_problem(text)

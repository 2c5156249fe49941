"""The upstream record: one registration period as the society's registration system delivers it, parsed and checked.

Pure. A record is accepted whole or not at all. Every invalid field is reported with what was found and what was
expected, so that the office can correct all of them at once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal, cast

import msgspec

from services.registration.domain.days import faults_of_days
from services.registration.domain.forms import in_form
from services.registration.domain.soundness import (
    implausible_address,
    implausible_name,
    implausible_number,
    trimmed,
)
from shared.addresses import same_address_key
from shared.programme import Programme
from shared.soundness import (
    LONGEST_TEXT,
    Fault,
    MissingGlyphs,
    address_fault,
    name_fault,
    number_fault,
    printed_fault,
)

HEADERS: Mapping[str, str] = {
    "登録ID": "registration_id",
    "個人ID": "person_id",
    "資格": "qualification",
    "区分": "kind",
    "合格番号": "pass_number",
    "登録番号": "registration_number",
    "前回登録ID": "previous_registration_id",
    "氏": "family_name",
    "名": "given_name",
    "氏カナ": "family_name_kana",
    "名カナ": "given_name_kana",
    "氏ローマ字": "family_name_latin",
    "名ローマ字": "given_name_latin",
    "生年月日": "birth_date",
    "メールアドレス": "email",
    "指定連絡先メールアドレス": "contact_email",
    "電話番号": "phone",
    "手続完了日": "completed_on",
    "有効期間開始日": "valid_from",
    "有効期間満了日": "valid_until",
}
"""The column headers of the office's export, in its order, and the fields they hold."""

FIELDS: tuple[str, ...] = tuple(HEADERS.values())

NUMBERS = frozenset({"pass_number", "registration_number"})

DATES = frozenset({"birth_date", "completed_on", "valid_from", "valid_until"})

PUBLISHABLE = frozenset(
    {
        "registration_id",
        "qualification",
        "kind",
        "registration_number",
        "previous_registration_id",
        "completed_on",
        "valid_from",
        "valid_until",
    }
)
"""The fields whose content may be shown to others than its sender: in an event, a log, a list of rejected rows."""

PRIVATE = frozenset({"family_name_kana", "given_name_kana", "birth_date", "contact_email", "phone", "completed_on"})
"""Fields that no event carries: changing them contradicts nothing that was issued."""

_DATE = re.compile(r"([0-9]{4})([-/])([0-9]{1,2})\2([0-9]{1,2})")
_KINDS: Mapping[str, Literal["new", "renewal"]] = {"new": "new", "renewal": "renewal", "新規": "new", "更新": "renewal"}
_EARLIEST_BIRTH = date(1900, 1, 1)


class UpstreamRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One registration period of one person. Dates are Japan calendar days; names are as upstream wrote them."""

    registration_id: str  # upstream's stable key, unique per registration period
    person_id: str  # the same person over renewals and qualifications
    qualification: str  # an id of the programme
    kind: Literal["new", "renewal"]
    pass_number: str  # 合格番号
    registration_number: str  # 登録番号, of the period that begins
    previous_registration_id: str | None
    family_name: str
    given_name: str
    family_name_kana: str | None
    given_name_kana: str | None
    family_name_latin: str | None
    given_name_latin: str | None
    birth_date: date | None  # None: the record was taken back after a restore and not delivered again yet
    email: str | None  # for the badge, if upstream has it already
    contact_email: str | None  # 指定連絡先
    phone: str | None
    completed_on: date | None  # 登録手続きの完了日; None: not completed
    valid_from: date
    valid_until: date


@dataclass(frozen=True)
class FieldProblem:
    """An invalid field. `got` is what the sender wrote, control characters escaped; None if it was missing."""

    field: str
    got: str | None
    expected: str


class Rules:
    """How records are read: the programme's qualifications, the glyphs of the fonts. One object a process."""

    def __init__(self, programme: Programme, missing_glyphs: MissingGlyphs) -> None:
        self.programme = programme
        self.missing_glyphs = missing_glyphs
        self.readers = _readers(programme, missing_glyphs)


class _InvalidValueError(ValueError):
    """A value is not what its field expects. The text is what follows "expected"."""


def read_record(fields: Mapping[str, object], rules: Rules) -> UpstreamRecord | list[FieldProblem]:
    """The record in `fields` (by their English names), or every problem found. Never raises for bad content.

    Values are texts, as CSV and JSON give them; null and the empty text are the same. Unknown fields are ignored, so
    that upstream may add some. Surrounding white space of any kind is stripped, nothing else is changed: names are not
    normalised. A name that no font can print is a name: it is held, not refused (`spelling.py`).
    Dates are YYYY-MM-DD, or YYYY/M/D as spreadsheets export them; the year comes first, so both are unambiguous.
    """
    values: dict[str, object] = {}
    problems: list[FieldProblem] = []
    for name in FIELDS:
        raw = fields.get(name)
        try:
            values[name] = rules.readers[name](_text(raw))
        except _InvalidValueError as wrong:
            problems.append(FieldProblem(name, printable(raw), str(wrong)))
    problems.extend(_into_forms(values, rules.programme, NUMBERS))
    problems.extend(_between_fields(values, rules.programme))
    return problems or msgspec.convert(values, UpstreamRecord)


def read_changes(
    record: UpstreamRecord, changes: Mapping[str, object], rules: Rules
) -> UpstreamRecord | list[FieldProblem]:
    """`record` with the values of `changes`, each read as in a whole record; or every problem found.

    What was wrong with the record before, as by the rules of an earlier release, is no problem of the changes.
    """
    values: dict[str, object] = msgspec.structs.asdict(record)
    before = {problem.field for problem in _between_fields(values, rules.programme)} - changes.keys()
    problems: list[FieldProblem] = []
    for name, raw in changes.items():
        try:
            values[name] = rules.readers[name](_text(raw))
        except _InvalidValueError as wrong:
            problems.append(FieldProblem(name, printable(raw), str(wrong)))
    problems += _into_forms(
        values, rules.programme, NUMBERS if "qualification" in changes else NUMBERS & changes.keys()
    )
    problems += [each for each in _between_fields(values, rules.programme) if each.field not in before]
    return problems or msgspec.convert(values, UpstreamRecord)


def printable(raw: object) -> str | None:
    """A value for a list of problems: on one line, at most 80 characters."""
    if raw is None or raw == "":
        return None
    try:
        text = raw if isinstance(raw, str) else repr(raw)
    except RecursionError:
        text = f"a deeply nested {type(raw).__name__}"
    text = "".join(c if c.isprintable() or c == "\u3000" else f"\\u{ord(c):04x}" for c in text[:200])
    return text if len(text) <= 80 else text[:79] + "…"


def registration_id_in(fields: Mapping[str, object]) -> str | None:
    """The registration that the fields of a row at fault name, as a valid row would; else what they have for it."""
    raw = fields.get("registration_id")
    try:
        text = _text(raw)
        return None if text is None else _id(text)
    except _InvalidValueError:
        return printable(raw)


def changed_fields(before: UpstreamRecord, after: UpstreamRecord) -> frozenset[str]:
    """The names of the fields that differ. Another spelling of the same address is no difference."""
    return frozenset(
        name
        for name in FIELDS
        if getattr(before, name) != getattr(after, name)
        and not (name == "email" and _key(before.email) == _key(after.email))
    )


def with_private_of(issued: UpstreamRecord, later: UpstreamRecord) -> UpstreamRecord:
    """The issued record with the private fields of `later`."""
    return msgspec.structs.replace(issued, **{name: getattr(later, name) for name in PRIVATE})


def _key(email: str | None) -> str | None:
    return None if email is None else same_address_key(email)


def _text(raw: object) -> str | None:
    if raw is None:
        return None
    if not isinstance(raw, str):
        raise _InvalidValueError("a text")
    return trimmed(raw) or None


def _readers(programme: Programme, missing_glyphs: MissingGlyphs) -> Mapping[str, Callable[[str | None], object]]:
    def required(read: Callable[[str], object]) -> Callable[[str | None], object]:
        def reader(text: str | None) -> object:
            if text is None:
                raise _InvalidValueError(read.__doc__ or "a value")
            return read(text)

        return reader

    def optional(read: Callable[[str], object]) -> Callable[[str | None], object]:
        return lambda text: None if text is None else read(text)

    def qualification(text: str) -> str:
        """a qualification of the programme"""
        for id, known in programme.qualifications.items():
            if text in (id, known.name.ja):
                return id
        raise _InvalidValueError(
            "one of " + ", ".join(f"{id} ({known.name.ja})" for id, known in programme.qualifications.items())
        )

    def printed(text: str) -> str:
        fault = printed_fault(text, missing_glyphs)
        if fault is not None:
            raise _InvalidValueError(f"{fault.expected}; there is no glyph for {fault.got}")
        return text

    def printed_number(text: str) -> str:
        """a number"""
        return printed(_number(text))

    return {
        "registration_id": required(_id),
        "person_id": required(_id),
        "qualification": required(qualification),
        "kind": required(_kind),
        "pass_number": required(printed_number),
        "registration_number": required(printed_number),
        "previous_registration_id": optional(_id),
        "family_name": required(_name),
        "given_name": required(_name),
        "family_name_kana": optional(_name),
        "given_name_kana": optional(_name),
        "family_name_latin": optional(_name),
        "given_name_latin": optional(_name),
        "birth_date": required(_birth_date),
        "email": optional(_address),
        "contact_email": optional(_address),
        "phone": optional(_number),
        "completed_on": optional(_date),
        "valid_from": required(_date),
        "valid_until": required(_date),
    }


def _id(text: str) -> str:
    """an id"""
    if len(text) > LONGEST_TEXT or not text.isprintable() or " " in text:
        raise _InvalidValueError(f"an id of at most {LONGEST_TEXT} characters, without spaces and control characters")
    _refuse(number_fault(text) or implausible_number(text))
    return text


def _kind(text: str) -> str:
    """new (新規) or renewal (更新)"""
    if text not in _KINDS:
        raise _InvalidValueError(cast(str, _kind.__doc__))
    return _KINDS[text]


def _number(text: str) -> str:
    """a number"""
    _refuse(number_fault(text) or implausible_number(text))
    return _visible(text)


def _name(text: str) -> str:
    """a name"""
    _refuse(name_fault(text))
    _visible(text)
    _refuse(implausible_name(text))
    return text


def _refuse(fault: Fault | None) -> None:
    if fault is not None:
        raise _InvalidValueError(f"{fault.expected}, found {fault.got}")


def _visible(text: str) -> str:
    """Stricter than the issuer: what a name or number never needs."""
    for character in text:
        if unicodedata.category(character) in ("Cf", "Zl", "Zp"):  # hides text, reverses it, or breaks lines
            raise _InvalidValueError(f"no control characters, found U+{ord(character):04X}")
        if character in "{}":  # a widespread wallet finds the end of a baked badge by counting braces
            raise _InvalidValueError("no curly brackets")
    return text


def _date(text: str) -> date:
    """a date, YYYY-MM-DD"""
    found = _DATE.fullmatch(text)
    try:
        if found is not None:
            day = date(int(found[1]), int(found[3]), int(found[4]))
            if day.year < _EARLIEST_BIRTH.year:  # 0026: no edition of a badge class is named so
                raise _InvalidValueError(f"a day from {_EARLIEST_BIRTH} on")
            return day
    except ValueError as error:  # the 30th of February
        raise _InvalidValueError("a day of the calendar, YYYY-MM-DD") from error
    raise _InvalidValueError("a date, YYYY-MM-DD")


def _birth_date(text: str) -> date:
    """a date, YYYY-MM-DD"""
    day = _date(text)
    if day < _EARLIEST_BIRTH:
        raise _InvalidValueError(f"a day from {_EARLIEST_BIRTH} on")
    return day


def _address(text: str) -> str:
    fault = address_fault(text) or implausible_address(text)
    if fault is not None:
        raise _InvalidValueError(fault.expected)
    return text


def _into_forms(values: dict[str, object], programme: Programme, names: Collection[str]) -> list[FieldProblem]:
    """Bring these numbers into the forms of their qualification; what has none of them is a problem."""
    qualification = programme.qualifications.get(str(values.get("qualification")))
    problems = []
    for name in sorted(names) if qualification is not None else ():
        forms, text = getattr(qualification, f"{name}_forms"), values.get(name)
        if forms and isinstance(text, str):
            number = in_form(text, forms)
            if number is None:
                problems.append(FieldProblem(name, printable(text), "a number of the form " + " or ".join(forms)))
            else:
                values[name] = number
    return problems


def _between_fields(values: Mapping[str, object], programme: Programme) -> list[FieldProblem]:
    """Problems of days, and between fields that are each valid."""
    days = {name: day for name in DATES if isinstance(day := values.get(name), date)}
    qualification = programme.qualifications.get(str(values.get("qualification")))
    years = qualification.valid_years if qualification is not None else None
    faults = faults_of_days(days, programme.bounds, years)
    problems = [FieldProblem(name, fault.got, fault.expected) for name, fault in faults.items()]
    if values.get("previous_registration_id") is not None and (
        values["previous_registration_id"] == values.get("registration_id")
    ):
        problems.append(
            FieldProblem("previous_registration_id", printable(values["registration_id"]), "another registration")
        )
    return problems

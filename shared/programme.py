"""The programme of a society: who issues, what is awarded, how it is called. Read by every service from one TOML file.

Another society uses the product by writing another file; nothing of a society is in code.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from shared.events import CONTRADICTIONS, HeldReason

ALIGNMENT_TYPES = (
    "ceasn:Competency",
    "ceterms:Credential",
    "CFItem",
    "CFRubric",
    "CFRubricCriterion",
    "CFRubricCriterionLevel",
    "CTDL",
)

_WEB = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+")
_PHONE = re.compile(r"\+[1-9][0-9]{1,14}")
_LONGEST_FORM = 40
_ID = re.compile(r"[a-z][a-z0-9-]{0,39}")
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_OWN_TYPE = re.compile(r"ext:[A-Za-z0-9._-]+")


DRAWN, NONE = "drawn", "none"
"""What a programme may say instead of a picture of its seal."""


class Bilingual(msgspec.Struct, frozen=True):
    """The same text in Japanese and in English."""

    ja: str
    en: str


class Society(msgspec.Struct, frozen=True, kw_only=True):
    name: Bilingual
    short_name: str
    url: str
    president: str  # title and name as the certificate shows them
    email: str
    phone: str | None = None  # E.164: "+81300000000"
    colour: str | None = None  # the accent of all pages: "#1f4e79"
    seal: str = "drawn"  # on the 証書: DRAWN from the society's name, NONE, or a picture file beside the programme file


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """An office desk that answers for some qualifications."""

    name: str
    email: str


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """The sender of all letters, and the address for bounces."""

    name: str
    address: str
    bounce_domain: str


class Alignment(msgspec.Struct, frozen=True, kw_only=True):
    """What a qualification is within a scheme of somebody's: a register, a framework, a page that defines it.

    `type` is of Open Badges 3.0, AlignmentTargetType: `ceterms:Credential`, `CFItem` …, or one's own `ext:…`.
    """

    name: str
    url: str
    description: str | None = None
    type: str | None = None


class Qualification(msgspec.Struct, frozen=True, kw_only=True):
    name: Bilingual
    desk: str
    criteria: Bilingual
    description: Bilingual
    page: str | None = None  # the society's own page about it, for people
    alignment: tuple[Alignment, ...] = ()
    colour: str  # of its badge: "#00118f"
    accent: str
    certificate_text: tuple[str, ...]  # the lines of the 証書 between name and qualification
    valid_years: int | None = None  # of every period: it ends on the day before so many years are over; None: any
    pass_number_forms: tuple[str, ...] = ()  # "00-0000": 0 a digit, A a capital letter; none: any number
    registration_number_forms: tuple[str, ...] = ()


class Cycle(msgspec.Struct, frozen=True, kw_only=True):
    """The year's calendar, all in Japan days."""

    begins: str  # "04-01": validity of a cohort begins on this day
    confirm_until: str  # "02-end": addresses confirmed by then are notified on the first day
    delayed_days: int  # later ones: the next multiple of so many days after the cohort's first


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Which days a record may name. Others were mistyped, or made up by a spreadsheet, as 1899-12-30 and 1900-01-01."""

    first_day: date = date(1970, 1, 1)  # of completions and periods
    last_day: date = date(2099, 12, 31)
    longest_years: int = 10  # of one period
    youngest_years: int = 15  # age of a person when the period begins
    oldest_years: int = 120


MAY_BE_UNKNOWN = ("pass_number", "registered_address")
"""What an enquiry may leave open where its form says so. Of a pass number the date of birth takes the place."""

PLACEHOLDERS = ("deadline", "first_day", "next_day", "sender", "society", "answer_days")
"""What an answer may name: the last day for addresses, the days of the first and the next notice, who sends letters."""


class DeskQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """One of the questions that people ask before they write. `answer`: paragraphs, each on a line of its own."""

    question: Bilingual
    answer: Bilingual  # may name {deadline} and the other PLACEHOLDERS


class EnquiryForm(msgspec.Struct, frozen=True, kw_only=True):
    """An enquiry that a desk takes, with all that it needs to answer."""

    id: str
    title: Bilingual
    may_be_unknown: tuple[str, ...] = ()


class Enquiries(msgspec.Struct, frozen=True, kw_only=True):
    """Without forms there is no page for enquiries: people write to the desks."""

    answer_days: int = 7  # within which a desk answers in its busiest weeks
    forms: tuple[EnquiryForm, ...] = ()
    questions: tuple[DeskQuestion, ...] = ()


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    certificate_title: Bilingual  # 登録証
    details_title: Bilingual  # 内容詳細
    award_subject: str
    completion_subject: str
    correction_subject: str | None = None  # None: the society's name, and that its badge was corrected


class Letters(msgspec.Struct, frozen=True, kw_only=True):
    """When holders hear from the society again, in days.

    `reminder_days`: after letter 1, while the badge waits to be received; at most three, none by `[]`. `expiry_days`:
    before the last day of the period, unless it is renewed; none by 0.
    """

    reminder_days: tuple[int, ...] = (7, 21, 60)
    expiry_days: int = 60


class PublicPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the public page of a badge says; the holder decides about the numbers.

    `shows_numbers`: 登録番号 and 合格番号 are public until the holder decides. `states_registration`: while a badge
    waits for its receipt, the page may say that the registration itself is valid (登録は有効です).
    """

    shows_numbers: bool = True
    states_registration: bool = False


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question that the society's engineers ask, with its answer; the wallet's page of questions shows them."""

    question: Bilingual
    answer: Bilingual


class PaperProduct(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is printed for a registration and sent by post."""

    name: Bilingual
    price: int  # in yen, with tax and postage
    sent_from: str  # "04-01": the first day in each year on which it is sent


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """What may be ordered on paper. Days are of each year, in Japan; a year of orders begins on `orders_from`."""

    orders_from: str  # "03-01"
    orders_until: str | None = None  # "01-31", included; None: until the next year's orders begin
    certificate: PaperProduct | None = None  # 登録証, A4
    card: PaperProduct | None = None  # 登録者証
    about: Bilingual  # on the form: what is sent when, and what is not done
    how_to_pay: Bilingual  # on the form, and in the letter that answers the order
    payment_url: str | None = None  # a page of the payment's, outside of the product
    address_kept_days: int = 90  # after the last item was sent or cancelled, or ordered and not paid

    def product(self, item: str) -> PaperProduct | None:
        """None for what is not on offer."""
        return {"certificate": self.certificate, "card": self.card}.get(item)


class Programme(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    society: Society
    sender: Sender
    cycle: Cycle
    texts: Texts
    bounds: Bounds = Bounds()
    desks: dict[str, Desk]
    qualifications: dict[str, Qualification]
    public_page: PublicPage = PublicPage()
    overlooks: tuple[HeldReason, ...] = ()  # contradictions between records that hold nobody
    enquiries: Enquiries = Enquiries()
    questions: tuple[Question, ...] = ()
    letters: Letters = Letters()
    paper: Paper | None = None  # None: nothing is printed

    def qualification(self, id: str) -> Qualification:
        """ValueError, naming the known ones, for an unknown id."""
        found = self.qualifications.get(id)
        if found is None:
            raise ValueError(f"got qualification {id!r}, expected one of {', '.join(self.qualifications)}")
        return found

    def edition(self, valid_from: date) -> str:
        """The 年度 that names badge art and cohort: the year in which the period begins."""
        return str(valid_from.year)

    def cohort_begins_on(self, cohort: str) -> date:
        month, day = self.cycle.begins.split("-")
        return date(int(cohort), int(month), int(day))


def seal_file(programme: Programme, programme_file: Path) -> Path | None:
    """The picture of the society's seal (印章), or None if it has none of its own."""
    seal = programme.society.seal
    return None if seal in (DRAWN, NONE) else programme_file.parent / seal


def parse_programme(text: str) -> Programme:
    """The programme in a TOML text. ValueError says which field, got and expected."""
    try:
        raw: dict[str, Any] = tomllib.loads(text)
        programme = msgspec.convert(raw, Programme)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ValueError(str(error)) from error
    for field, problem in _problems(programme):
        raise ValueError(f"{field}: {problem}")
    return programme


def _problems(programme: Programme) -> Iterator[tuple[str, str]]:
    if programme.society.phone is not None and not _PHONE.fullmatch(programme.society.phone):
        yield "society.phone", f"got {programme.society.phone!r}, expected a number as in +81300000000 (E.164)"
    if programme.society.colour is not None and not _COLOUR.fullmatch(programme.society.colour):
        yield "society.colour", f'got {programme.society.colour!r}, expected six hex digits like "#1f4e79"'
    bounds = programme.bounds
    if not date(1900, 1, 2) <= bounds.first_day < bounds.last_day <= date(2999, 12, 31):
        yield "bounds", f"got {bounds.first_day} to {bounds.last_day}, expected days between 1900-01-02 and 2999-12-31"
    if not (1 <= bounds.longest_years <= 100 and 0 <= bounds.youngest_years < bounds.oldest_years <= 150):
        yield "bounds", "got years that can't be, expected longest_years from 1, youngest_years below oldest_years"
    for reason in programme.overlooks:
        if reason not in CONTRADICTIONS:
            yield "overlooks", f"got {reason!r}, expected some of {', '.join(sorted(CONTRADICTIONS))}"
    yield from _enquiry_problems(programme.enquiries)
    for id in programme.desks:
        if not _ID.fullmatch(id):
            yield f"desks.{id}", f"got {id!r}, expected small letters, digits and hyphens: it is part of an address"
    days = programme.letters.reminder_days
    if len(days) > 3 or list(days) != sorted(set(days)) or not all(1 <= day <= 366 for day in days):
        yield "letters.reminder_days", f"got {list(days)}, expected at most three numbers from 1, each above the last"
    if not 0 <= programme.letters.expiry_days <= 366:
        yield "letters.expiry_days", f"got {programme.letters.expiry_days}, expected 0 (no notice) to 366"
    if programme.paper is not None:
        yield from _paper_problems(programme.paper)
    for id, qualification in programme.qualifications.items():
        place = f"qualifications.{id}"
        if qualification.valid_years is not None and not 1 <= qualification.valid_years <= bounds.longest_years:
            yield f"{place}.valid_years", f"got {qualification.valid_years}, expected 1 to bounds.longest_years"
        for field in ("pass_number_forms", "registration_number_forms"):
            for form in getattr(qualification, field):
                if not (form.isascii() and form.isprintable() and "0" in form and len(form) <= _LONGEST_FORM):
                    yield f"{place}.{field}", f"got {form!r}, expected a form as 00-0000: 0 a digit, A a capital letter"
        if qualification.desk not in programme.desks:
            yield f"{place}.desk", f"got {qualification.desk!r}, expected one of {', '.join(programme.desks)}"
        if qualification.page is not None and not _WEB.fullmatch(qualification.page):
            yield f"{place}.page", f"got {qualification.page!r}, expected a URL, https://…"
        if len(set(qualification.alignment)) < len(qualification.alignment):
            yield f"{place}.alignment", "got the same one twice, expected each once"
        for number, each in enumerate(qualification.alignment):
            if not _WEB.fullmatch(each.url):
                yield f"{place}.alignment[{number}].url", f"got {each.url!r}, expected a URL, https://…"
            if each.type is not None and each.type not in ALIGNMENT_TYPES and not _OWN_TYPE.fullmatch(each.type):
                known = ", ".join(ALIGNMENT_TYPES)
                yield f"{place}.alignment[{number}].type", f"got {each.type!r}, expected one of {known}, or ext:…"


def _enquiry_problems(enquiries: Enquiries) -> Iterator[tuple[str, str]]:
    if not 1 <= enquiries.answer_days <= 60:
        yield "enquiries.answer_days", f"got {enquiries.answer_days}, expected 1 to 60"
    for number, form in enumerate(enquiries.forms):
        place = f"enquiries.forms[{number}]"
        if not _ID.fullmatch(form.id) or form.id in [each.id for each in enquiries.forms[:number]]:
            yield f"{place}.id", f"got {form.id!r}, expected small letters, digits and hyphens, and each id once"
        for field in form.may_be_unknown:
            if field not in MAY_BE_UNKNOWN:
                yield f"{place}.may_be_unknown", f"got {field!r}, expected of {', '.join(MAY_BE_UNKNOWN)}"
    for number, each in enumerate(enquiries.questions):
        for language, text in (("ja", each.answer.ja), ("en", each.answer.en)):
            for name in _PLACEHOLDER.findall(text):
                if name not in PLACEHOLDERS:
                    place = f"enquiries.questions[{number}].answer.{language}"
                    yield place, f"got {{{name}}}, expected one of {', '.join(PLACEHOLDERS)}"


def _paper_problems(paper: Paper) -> Iterator[tuple[str, str]]:
    products = [(item, product) for item in ("certificate", "card") if (product := paper.product(item)) is not None]
    if not products:
        yield "paper", "got no product, expected [paper.certificate], [paper.card] or both"
    for item, product in products:
        if not 0 <= product.price <= 1_000_000:
            yield f"paper.{item}.price", f"got {product.price}, expected yen from 0 to 1000000"
    days = {
        "orders_from": paper.orders_from,
        "orders_until": paper.orders_until,
        **{f"{item}.sent_from": product.sent_from for item, product in products},
    }
    for name, day in days.items():
        if day is not None and not _is_day_of_each_year(day):
            yield f"paper.{name}", f"got {day!r}, expected a day that each year has, MM-DD"
    if paper.payment_url is not None and not _WEB.fullmatch(paper.payment_url):
        yield "paper.payment_url", f"got {paper.payment_url!r}, expected a URL, https://…"
    if not 1 <= paper.address_kept_days <= 3650:
        yield "paper.address_kept_days", f"got {paper.address_kept_days}, expected days from 1 to 3650"


def _is_day_of_each_year(text: str) -> bool:
    try:
        return len(text) == 5 and date.fromisoformat(f"2001-{text}") is not None
    except ValueError:
        return False

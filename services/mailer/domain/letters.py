"""The letters and their content; pure. A letter is a folder of three templates: subject.txt, body.txt, body.html.

`award` is letter 1, with the button 受領手続きをはじめる; `completion` is letter 2, with a link to the finished badge;
`correction` tells that the badge was corrected, with the link to the new one; `revocation` that it was revoked;
`reminder-…` ask again to receive it; `expiry` tells that the period ends soon.
Those that other services ask for are in `requested.py`; they have templates in English too, in the folder `en`.
Text and HTML say the same: some carriers convert HTML to text, some people read text only. A text names no button or
label of the wallet that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import jinja2

from services.mailer.domain.dkim import DkimKey, signed
from services.mailer.domain.mime import Mail, compose, one_line
from services.mailer.domain.outline import Outline, outline_of
from services.mailer.domain.requested import (
    FACTS,
    LINES,
    MOMENTS,
    WHAT,
    Language,
    RequestedLetter,
    lasts_in_words,
    moment_in_words,
)
from shared.addresses import domain_of
from shared.clock import japan_date
from shared.links import receive_url
from shared.programme import Desk, Letters, Programme

Letter = Literal["award", "completion", "correction", "revocation", "reminder-1", "reminder-2", "reminder-3", "expiry"]
OPENED_BY_EVENTS: tuple[Letter, ...] = ("award", "completion", "correction", "revocation")
REMINDERS: tuple[Letter, ...] = ("reminder-1", "reminder-2", "reminder-3")
OPENED_BY_TIME: tuple[Letter, ...] = (*REMINDERS, "expiry")
LETTERS: tuple[Letter, ...] = (*OPENED_BY_EVENTS, *OPENED_BY_TIME)

_FOLDER = Path(__file__).parents[1] / "letters"
_OWN = ("name", "receive_url", "public_url")  # values that differ by person
_OUTLINES = 256  # kept in memory; one takes some 10 KB


@dataclass(frozen=True)
class Message:
    """One letter to one person: the values that differ between messages."""

    letter: Letter
    assertion_id: str
    email: str
    family_name: str
    given_name: str
    qualification: str
    kind: str  # new, renewal
    valid_from: date
    valid_until: date
    corrects: bool = False  # whether its badge corrects one of which the holder was told
    reason: str | None = None  # why its badge was revoked, as its public page says it
    address_revision: int = 0  # how often the address changed since the issue: an earlier link opens nothing
    letter_id: None = None

    @property
    def subject(self) -> str:
        return self.assertion_id


class Occasion(NamedTuple):
    """All that the text of a letter about a badge depends on, except the holder's own values."""

    letter: Letter
    qualification: str
    is_renewal: bool
    corrects: bool
    reason: str
    valid_from: date
    valid_until: date


def occasion_of(message: Message) -> Occasion:
    return Occasion(
        message.letter,
        message.qualification,
        message.kind == "renewal",
        message.corrects,
        one_line(message.reason or ""),
        message.valid_from,
        message.valid_until,
    )


Writable = Message | RequestedLetter


class Addressed(Protocol):
    """A message, whatever else is known of it: its letter, and the badge or the request (`letter_id`) it is about."""

    @property
    def letter(self) -> str: ...

    @property
    def subject(self) -> str:
        """assertion_id or request_id"""

    @property
    def letter_id(self) -> str | None: ...


def row_id(message: Addressed) -> str:
    """The id of a message's row in the ledger, and the left part of its Message-ID."""
    return f"{message.letter}.{message.subject}"


class LetterWriter:
    """Turns messages into bytes. `secret` signs the links of letter 1; `keys` sign the letters, if there are any."""

    def __init__(
        self, programme: Programme, wallet_url: str, public_url: str, secret: bytes, keys: Sequence[DkimKey] = ()
    ) -> None:
        self._programme = programme
        self._wallet_url = wallet_url
        self._public_url = public_url
        self._secret = secret
        self._keys = keys
        self._domain = domain_of(programme.sender.address)  # that of From, so DMARC sees it as aligned
        # subject.txt and body.txt are plain text; in body.html every value is escaped.
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER),
            autoescape=jinja2.select_autoescape(("html",)),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        environment.filters["day"] = _japanese_day
        self._outlines = lru_cache(_OUTLINES)(self._outlined)
        self._templates: Mapping[tuple[str, Language], tuple[jinja2.Template, ...]] = {
            **{(letter, "ja"): _parts(environment, letter) for letter in (*OPENED_BY_EVENTS, "expiry", *FACTS)},
            **{(letter, "ja"): _parts(environment, "reminder") for letter in REMINDERS},
            **{(letter, "en"): _parts(environment, f"{letter}/en") for letter in FACTS},
        }

    @property
    def times(self) -> Letters:
        """When reminders and notices are written."""
        return self._programme.letters

    def write(self, message: Writable, date: datetime) -> bytes:
        """The whole mail. Equal arguments give equal bytes, so writing it again after a crash changes nothing.

        ValueError if the qualification is not in the programme file, or the address is one that no server accepts; and
        for an award letter after the period: nobody is asked to receive what is over.
        """
        if isinstance(message, Message) and message.letter == "award" and japan_date(date) > message.valid_until:
            raise ValueError(f"valid_until: got {message.valid_until}, expected a period that is not over")
        return signed(compose(self.compose(message), date), self._keys, self._domain, date)

    def compose(self, message: Writable) -> Mail:
        """The letter as its reader sees it: subject, text and HTML filled in."""
        if isinstance(message, RequestedLetter):
            values, language = self._requested_values(message), message.language
            templates = self._templates[message.letter, language]
            shared = self._shared_values(language)
            texts = [template.render({**values, **shared}) for template in templates]
            return self._mail(message, texts, language, message.reply_to)
        own = self._own_values(message)
        return self._mail(message, [outline.filled(own) for outline in self._outlines(occasion_of(message))])

    def _outlined(self, occasion: Occasion) -> Sequence[Outline]:
        """Subject, text and HTML of the letter, with gaps for the holder's own values."""
        values = self._badge_values(occasion)
        return [outline_of(template, values, _OWN) for template in self._templates[occasion.letter, "ja"]]

    def _own_values(self, message: Message) -> dict[str, str]:
        return {
            "name": one_line(f"{message.family_name} {message.given_name}"),
            "receive_url": receive_url(self._wallet_url, self._secret, message.assertion_id, message.address_revision),
            "public_url": f"{self._public_url}/V/{message.assertion_id}",
        }

    def _badge_values(self, it: Occasion) -> dict[str, Any]:
        programme = self._programme
        qualification = programme.qualification(it.qualification)
        return {
            **self._shared_values("ja"),
            "texts": programme.texts,
            "desk": programme.desks[qualification.desk],
            "qualification": qualification.name.ja,
            "renewal_url": qualification.page or programme.society.url,
            "renewal": it.is_renewal,
            "corrects": it.corrects,
            "reason": it.reason,
            "valid_from": it.valid_from,
            "valid_until": it.valid_until,
            "wallet_url": self._wallet_url,
        }

    def _requested_values(self, message: RequestedLetter) -> dict[str, Any]:
        """The facts as its reader reads them; the desk that they name, else that of the qualification, else none."""
        programme, language, facts = self._programme, message.language, message.facts
        values: dict[str, Any] = {
            name: _lines(facts[name]) if name in LINES else one_line(facts[name]) for name in facts
        }
        for name in MOMENTS & facts.keys():
            values[name] = moment_in_words(values[name], language)
        if facts.get("what") in WHAT:
            values["what"] = getattr(WHAT[facts["what"]], language)
        if "hours" in facts:
            values["lasts"] = lasts_in_words(message)
        values["url"] = values.pop("link", "")  # `link` is how the templates write one
        desk = Desk(name="", email=programme.society.email)
        if (qualification := programme.qualifications.get(facts.get("qualification", ""))) is not None:
            values["qualification"] = getattr(qualification.name, language)
            desk = programme.desks[qualification.desk]
        desk = programme.desks.get(facts.get("desk", ""), desk)
        return {**values, "desk": desk, "certificate_title": getattr(programme.texts.certificate_title, language)}

    def _shared_values(self, language: Language) -> dict[str, Any]:
        programme = self._programme
        return {
            "lang": language,
            "society": programme.society,
            "society_name": getattr(programme.society.name, language),
            "sender": programme.sender,
        }

    def _mail(
        self, message: Writable, texts: Sequence[str], language: Language = "ja", reply_to: str | None = None
    ) -> Mail:
        """`texts`: subject, text and HTML."""
        programme, (subject, text, html) = self._programme, texts
        return Mail(
            message_id=message_id(message.letter, message.subject, programme.sender.address),
            sender_name=programme.sender.name,
            sender=programme.sender.address,
            recipient=message.email,
            subject=one_line(subject),
            text=text,
            html=html,
            language=language,
            reply_to=reply_to,
        )


def _parts(environment: jinja2.Environment, folder: str) -> tuple[jinja2.Template, ...]:
    return tuple(environment.get_template(f"{folder}/{part}") for part in ("subject.txt", "body.txt", "body.html"))


def message_id(letter: str, subject: str, sender: str) -> str:
    """The Message-ID: the same however often the letter is sent, so most mail readers show it once."""
    return f"<{letter}.{subject}@{sender.rpartition('@')[2]}>"


def return_path(letter: str, subject: str, bounce_domain: str, address_revision: int = 0) -> str:
    """The envelope's sender (VERP): a bounce that comes to it names the letter it is about, and to which address.

    `address_revision`: as of `Message`.
    """
    revision = f".{address_revision}" if address_revision else ""
    return f"bounce+{subject}.{letter}{revision}@{bounce_domain}"


def _lines(text: str) -> str:
    """`text` with its line breaks, each line as `one_line`."""
    return "\n".join(one_line(line) for line in text.strip().splitlines())


def _japanese_day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"

"""The letters and their content; pure. A letter is a folder of three templates: subject.txt, body.txt, body.html.

`award` is letter 1, with the button 受領手続きをはじめる; `completion` is letter 2, with a link to the finished badge;
`correction` tells that the badge was corrected, with the link to the new one; `revocation` that it was revoked.
Text and HTML say the same: some carriers convert HTML to text, some people read text only. A text names no button or
label of the wallet that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal

import jinja2

from services.mailer.domain.dkim import DkimKey, signed
from services.mailer.domain.mime import Mail, compose, one_line
from services.mailer.domain.pacing import domain_of
from shared.links import receive_url
from shared.programme import Programme

Letter = Literal["award", "completion", "correction", "revocation"]
LETTERS: tuple[Letter, ...] = ("award", "completion", "correction", "revocation")

_FOLDER = Path(__file__).parents[1] / "letters"


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
        self._templates: Mapping[Letter, tuple[jinja2.Template, ...]] = {
            letter: tuple(
                environment.get_template(f"{letter}/{part}") for part in ("subject.txt", "body.txt", "body.html")
            )
            for letter in LETTERS
        }

    def write(self, message: Message, date: datetime) -> bytes:
        """The whole mail. Equal arguments give equal bytes, so writing it again after a crash changes nothing.

        ValueError if the qualification is not in the programme file, or the address is one that no server accepts.
        """
        return signed(compose(self.compose(message), date), self._keys, self._domain, date)

    def compose(self, message: Message) -> Mail:
        """The letter as its reader sees it: subject, text and HTML filled in."""
        programme = self._programme
        qualification = programme.qualification(message.qualification)
        values = {
            "society": programme.society,
            "sender": programme.sender,
            "texts": programme.texts,
            "desk": programme.desks[qualification.desk],
            "qualification": qualification.name.ja,
            "name": one_line(f"{message.family_name} {message.given_name}"),
            "renewal": message.kind == "renewal",
            "corrects": message.corrects,
            "reason": one_line(message.reason or ""),
            "valid_from": message.valid_from,
            "valid_until": message.valid_until,
            "receive_url": receive_url(self._wallet_url, self._secret, message.assertion_id, message.address_revision),
            "badge_url": f"{self._wallet_url}/badges/{message.assertion_id}",
            "wallet_url": self._wallet_url,
            "public_url": f"{self._public_url}/V/{message.assertion_id}",
        }
        subject, text, html = (template.render(values) for template in self._templates[message.letter])
        return Mail(
            message_id=message_id(message.letter, message.assertion_id, programme.sender.address),
            sender_name=programme.sender.name,
            sender=programme.sender.address,
            recipient=message.email,
            subject=one_line(subject),
            text=text,
            html=html,
        )


def message_id(letter: Letter, assertion_id: str, sender: str) -> str:
    """The Message-ID: the same however often the letter is sent, so most mail readers show it once."""
    return f"<{letter}.{assertion_id}@{sender.rpartition('@')[2]}>"


def return_path(letter: Letter, assertion_id: str, bounce_domain: str) -> str:
    """The envelope's sender (VERP): a bounce that comes to it names the letter it is about."""
    return f"bounce+{assertion_id}.{letter}@{bounce_domain}"


def _japanese_day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"

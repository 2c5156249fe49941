"""What comes back to the return path of a letter: a bounce, a delay, a complaint, or something else; pure.

Sources: RFC 3464 (delivery status notifications), RFC 5965 (complaints, ARF); other forms by `flufl.bounce`, which
knows those of mail servers that keep to no standard. The return path names the letter, so no form need be known: what
a mail system writes there (au, OCN and m-FILTER each in a form of its own) is about that letter, too.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr
from typing import Literal, NamedTuple

from flufl.bounce import all_failures

from services.mailer.domain.letters import LETTERS
from services.mailer.domain.requested import FACTS

ReportKind = Literal["permanent", "temporary", "complaint"]

_LETTERS = "|".join((*LETTERS, *FACTS))
_VERP = re.compile(rf"bounce\+([A-Z0-9]{{1,64}})\.({_LETTERS})(?:\.([0-9]{{1,9}}))?@(.+)", re.IGNORECASE)
_MESSAGE_ID = re.compile(rf"<({_LETTERS})\.([A-Z0-9]{{1,64}})@[^<>\s]+>")
_ADDRESSED = ("Delivered-To", "X-Original-To", "Envelope-To", "To")
_ARRIVED = frozenset({"delivered", "relayed", "expanded", "deliverable"})  # RFC 3464, 2.3.3; the last one is Postfix's
_MAIL_SYSTEM = re.compile(r"(mailer|post)[-_.]?(daemon|master)", re.IGNORECASE)  # before the @ of From; RFC 5321, 4.5.1
_DELAY = re.compile(r"\b(warning|delay(ed)?)\b|遅延|遅れ", re.IGNORECASE)  # in a subject


@dataclass(frozen=True)
class Report:
    """What a mail server says of one letter. `answer` is its text, with addresses in it.

    `subject`: the badge or the request that the letter is about. `address_revision`: of the address that it was sent
    to; None: not told.
    """

    subject: str
    letter: str
    kind: ReportKind
    answer: str
    address_revision: int | None = None


class Returned(NamedTuple):
    """What a return path of ours names: badge or request, the letter, which address of the badge it was sent to."""

    subject: str
    letter: str
    address_revision: int


def letter_of(address: str, bounce_domain: str) -> Returned | None:
    """What `return_path` has written into this address; None for another one."""
    found = _VERP.fullmatch(address.strip().strip("<>"))
    if found is None or found[4].lower() != bounce_domain.lower():
        return None
    return Returned(found[1].upper(), found[2].lower(), int(found[3] or 0))


def read_report(content: bytes, recipients: Iterable[str], bounce_domain: str) -> Report | None:
    """What a mail says of a letter of ours; None if it says nothing: a vacation notice, an advertisement.

    `recipients`: the envelope's; without any (a maildir) those of the headers. A complaint may come to another address:
    it names the letter by the Message-ID of the copy that it encloses.
    """
    message = email.message_from_bytes(content, policy=email.policy.compat32)
    named = [*recipients] or [str(value) for name in _ADDRESSED for value in message.get_all(name, [])]
    letter = next((found for address in named if (found := letter_of(address, bounce_domain))), None)
    if message.get_param("report-type") == "feedback-report":
        about = letter or _enclosed(message)
        said: tuple[ReportKind, str] | None = ("complaint", "complaint (ARF)")
    else:
        about, said = letter, _bounce(message) if letter else None
    if about is None or said is None:
        return None
    return Report(*about[:2], *said, letter.address_revision if letter else None)


def _bounce(message: Message) -> tuple[ReportKind, str] | None:
    """What a mail to a return path says, and its answer."""
    statuses = list(_statuses(message))
    if told := [(kind, answer) for kind, answer in statuses if kind != "arrived"]:
        return min(told)  # "permanent" before "temporary"
    kind = None if statuses else _by_its_form(message)
    return (kind, _subject(message)) if kind else None


def _by_its_form(message: Message) -> Literal["permanent", "temporary"] | None:
    """What a mail without a status says. Besides mail systems only programs that reply for people write there."""
    with suppress(Exception):  # its detectors trip over headers that are none
        temporary, permanent = all_failures(message)
        if permanent or temporary:
            return "permanent" if permanent else "temporary"
    is_reply = str(message.get("Auto-Submitted", "")).lower().startswith("auto-replied")
    if message.get_param("report-type") == "disposition-notification":
        return None
    if not _is_of_a_mail_system(message) and (is_reply or _enclosed(message) is None):
        return None
    return "temporary" if _DELAY.search(_subject(message)) else "permanent"


def _is_of_a_mail_system(message: Message) -> bool:
    sender = str(message.get("From", "")).strip()
    name, address = parseaddr(sender)
    return sender == "<>" or _MAIL_SYSTEM.fullmatch((address or name).partition("@")[0]) is not None


def _subject(message: Message) -> str:
    """The subject as its reader sees it: of encoded words, or in UTF-8 as it is."""
    raw = next((str(value) for name, value in message.raw_items() if name.lower() == "subject"), "")
    text = raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    try:
        return str(make_header(decode_header(text))).strip() or "bounce"
    except (LookupError, ValueError):  # an unknown charset, or a wrong one
        return text


def _statuses(message: Message) -> Iterator[tuple[Literal["permanent", "temporary", "arrived"], str]]:
    """Of each recipient of a delivery status notification."""
    for part in message.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        for fields in part.get_payload() if isinstance(part.get_payload(), list) else []:
            if not isinstance(fields, Message):
                continue
            action = str(fields.get("Action", "")).strip().lower()
            answer = f"{fields.get('Status', '')} {fields.get('Diagnostic-Code', '')}".strip()
            if action == "failed":  # with a status 4.… too: the server has given up
                yield "permanent", answer
            elif action == "delayed":
                yield "temporary", answer
            elif action in _ARRIVED:
                yield "arrived", answer


def _enclosed(message: Message) -> tuple[str, str] | None:
    """The letter whose copy, or whose header, a complaint encloses."""
    for part in message.walk():
        payload = part.get_payload() if part.get_content_type() == "text/rfc822-headers" else None
        named = str(part.get("Message-ID", "")) + (payload if isinstance(payload, str) else "")
        if part is not message and (found := _MESSAGE_ID.search(named)):
            return found[2], found[1]
    return None

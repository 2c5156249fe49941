"""What comes back to the return path of a letter: a bounce, a delay, a complaint, or something else; pure.

Sources: RFC 3464 (delivery status notifications), RFC 5965 (complaints, ARF); other forms by `flufl.bounce`, which
knows those of mail servers that keep to no standard.
"""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Literal

from flufl.bounce import all_failures

from services.mailer.domain.letters import LETTERS
from services.mailer.domain.requested import FACTS

ReportKind = Literal["permanent", "temporary", "complaint"]

_LETTERS = "|".join((*LETTERS, *FACTS))
_VERP = re.compile(rf"bounce\+([A-Z0-9]{{1,64}})\.({_LETTERS})@(.+)", re.IGNORECASE)
_MESSAGE_ID = re.compile(rf"<({_LETTERS})\.([A-Z0-9]{{1,64}})@[^<>\s]+>")
_ADDRESSED = ("Delivered-To", "X-Original-To", "Envelope-To", "To")


@dataclass(frozen=True)
class Report:
    """What a mail server says of one letter. `answer` is its text, with addresses in it.

    `subject`: the badge or the request that the letter is about.
    """

    subject: str
    letter: str
    kind: ReportKind
    answer: str


def letter_of(address: str, bounce_domain: str) -> tuple[str, str] | None:
    """Badge or request, and letter, that a return path of ours names (`return_path`); None for another address."""
    found = _VERP.fullmatch(address.strip().strip("<>"))
    if found is None or found[3].lower() != bounce_domain.lower():
        return None
    return found[1].upper(), found[2].lower()


def read_report(content: bytes, recipients: Iterable[str], bounce_domain: str) -> Report | None:
    """What a mail says of a letter of ours; None if it says nothing: a vacation notice, an advertisement.

    `recipients`: the envelope's; without any (a maildir) those of the headers. A complaint may come to another address:
    it names the letter by the Message-ID of the copy that it encloses.
    """
    message = email.message_from_bytes(content, policy=email.policy.compat32)
    named = [*recipients] or [str(value) for name in _ADDRESSED for value in message.get_all(name, [])]
    letter = next((found for address in named if (found := letter_of(address, bounce_domain))), None)
    if message.get_param("report-type") == "feedback-report":
        letter = letter or _enclosed(message)
        return Report(*letter, "complaint", "complaint (ARF)") if letter else None
    if letter is None:
        return None
    statuses = list(_statuses(message))
    if statuses:
        kind, answer = min(statuses)  # "permanent" before "temporary"
        return Report(*letter, kind, answer)
    try:
        temporary, permanent = all_failures(message)
    except Exception:  # its detectors trip over headers that are none
        return None
    if permanent or temporary:
        return Report(*letter, "permanent" if permanent else "temporary", str(message.get("Subject", "bounce")))
    return None


def _statuses(message: Message) -> Iterator[tuple[Literal["permanent", "temporary"], str]]:
    """Of each recipient of a delivery status notification. Delivered and relayed are none of them."""
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


def _enclosed(message: Message) -> tuple[str, str] | None:
    """The letter whose copy, or whose header, a complaint encloses."""
    for part in message.walk():
        payload = part.get_payload() if part.get_content_type() == "text/rfc822-headers" else None
        named = str(part.get("Message-ID", "")) + (payload if isinstance(payload, str) else "")
        if part is not message and (found := _MESSAGE_ID.search(named)):
            return found[2], found[1]
    return None

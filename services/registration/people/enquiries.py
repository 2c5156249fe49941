"""Enquiries to a desk: the three forms. Each becomes two letters, one to the desk and a copy to the person."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

import msgspec

from services.registration.domain import enquiry as rules
from services.registration.domain.cohort import notify_from
from services.registration.domain.enquiry import (
    Enquiry,
    Match,
    Problems,
    TypedEnquiry,
    letters_of,
    match_of,
    read_enquiry,
)
from services.registration.domain.registration import Registration
from services.registration.domain.sign_in import sign_in_key
from services.registration.metrics import ENQUIRIES
from services.registration.people.ports import DeskPorts
from services.registration.store import RegistrationTransaction
from shared.clock import japan_date
from shared.events import event_id
from shared.letter_events import DeskLetterRequested
from shared.programme import Bilingual, EnquiryForm
from shared.runtime.log import logger
from shared.runtime.web.language import Language, day_text

log = logger("registration")


@dataclass(frozen=True)
class Sent:
    """An enquiry that is on its way. `number`: by which person and desk name it."""

    number: str
    desk: str
    enquiry: Enquiry


def form_of(id: str, ports: DeskPorts) -> EnquiryForm | None:
    return next((form for form in ports.programme.enquiries.forms if form.id == id), None)


def send(
    form: EnquiryForm, typed: TypedEnquiry, nonce: str, source: str, language: Language, ports: DeskPorts
) -> Sent | Problems | Literal["limit"]:
    """Hand the enquiry to the mailer, for the desk and as a copy. What is sent twice (`nonce`) is one enquiry, also for
    the limits.

    The answer says nothing of the register: who writes need not be the person.
    """
    programme = ports.programme
    enquiry = read_enquiry(typed, form, tuple(programme.qualifications))
    if not isinstance(enquiry, Enquiry):
        ENQUIRIES.labels("incomplete").inc()
        return enquiry
    number = _number(form, typed, nonce, ports)
    qualification = programme.qualification(enquiry.qualification)
    with ports.store.transaction() as tx:
        letter_id = f"enquiry/{number}"
        if tx.was_announced(event_id(DeskLetterRequested.__name__, letter_id)):
            return Sent(number, qualification.desk, enquiry)
        if tx.attempts.is_over(ports.blinded(rules.enquiry_limits(source, enquiry.wanted_address.key))):
            ENQUIRIES.labels("limit").inc()
            return "limit"
        match = match_of(enquiry, _candidates(tx, enquiry, ports))
        letters = letters_of(enquiry, match, _said(qualification.name, language))
        desk = programme.desks[qualification.desk]
        facts = {"kind": _said(form.title, language), "number": number}
        tx.announce(
            DeskLetterRequested(
                letter_id=letter_id,
                letter="enquiry",
                recipient=desk.email,
                facts={**facts, "body": letters.to_desk, "link": _record_url(match, ports)},
                requested_at=ports.now(),
                language=language,
                reply_to=enquiry.wanted_address.mailed,
            ),
            DeskLetterRequested(
                letter_id=f"enquiry-copy/{number}",
                letter="enquiry-copy",
                recipient=enquiry.wanted_address.mailed,
                facts={
                    **facts,
                    "body": letters.copy,
                    "desk": qualification.desk,
                    "answer_days": str(programme.enquiries.answer_days),
                },
                requested_at=ports.now(),
                language=language,
                reply_to=desk.email,
            ),
        )
        # If we die before the commit, nothing was sent; after it, the outbox sends both, and the same form is the same.
    ENQUIRIES.labels("sent").inc()
    log.info("queued", number=number, form=form.id)
    return Sent(number, qualification.desk, enquiry)


def _candidates(tx: RegistrationTransaction, enquiry: Enquiry, ports: DeskPorts) -> list[Registration]:
    desk = ports.programme.qualification(enquiry.qualification).desk
    if enquiry.pass_number is not None:
        return tx.with_pass_number(sign_in_key(enquiry.pass_number), ports.qualifications(desk))
    return [] if enquiry.birth_date is None else tx.born_on(enquiry.birth_date, ports.qualifications(desk))


def _record_url(match: Match, ports: DeskPorts) -> str:
    if match.registration is None or ports.ops_url is None:
        return ""
    return f"{ports.ops_url}/people/{quote(match.registration.id, safe='')}"


def _number(form: EnquiryForm, typed: TypedEnquiry, nonce: str, ports: DeskPorts) -> str:
    """The day and seven letters; the same for the same content of the same form."""
    content = msgspec.json.encode([form.id, nonce, *vars(typed).values()])
    digest = hmac.new(ports.secret, b"enquiry/" + content, hashlib.sha256).digest()
    return f"{japan_date(ports.now()):%y%m%d}-{base64.b32encode(digest).decode()[:7]}"


def answered(language: Language, ports: DeskPorts) -> list[tuple[str, list[str]]]:
    """The questions and the paragraphs of their answers, which name the days of this cycle."""
    cycle, programme = ports.cycle, ports.programme
    facts = {
        "deadline": day_text(cycle.confirm_until, language),
        "first_day": day_text(cycle.begins_on, language),
        "next_day": day_text(japan_date(notify_from(ports.now(), cycle)), language),
        "sender": programme.sender.address,
        "society": _said(programme.society.name, language),
        "answer_days": str(programme.enquiries.answer_days),
    }
    return [
        (_said(each.question, language), _said(each.answer, language).strip().format_map(facts).splitlines())
        for each in programme.enquiries.questions
    ]


def _said(text: Bilingual, language: Language) -> str:
    return text.ja if language == "ja" else text.en

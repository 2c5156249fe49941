"""The address that a person enters for their badge: read, checked, and what to advise about it; pure.

Syntax is email-validator's business (RFC 5321, RFC 5891), without asking any name server. On top: how Japanese input
methods write an address, and the addresses that Japanese carriers gave out against the standard (`..taro..@…`,
`taro.@…`): SMTP takes those as a quoted local part, `"taro."@…`, and that is how the mailer writes them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from email_validator import EmailNotValidError, validate_email

from services.registration.domain.soundness import implausible_address, trimmed
from shared.addresses import same_address_key
from shared.plain_text import hidden_in
from shared.soundness import address_fault

LONGEST = 254

_CARRIERS = ("docomo.ne.jp", "ezweb.ne.jp", "au.com", "softbank.ne.jp", "vodafone.ne.jp", "disney.ne.jp", "willcom.com")
"""Whose addresses may have dots where RFC 5322 forbids them; with their subdomains."""

# fmt: off
_ROLES = frozenset((
    "info", "office", "mail", "contact", "contactus", "admin", "administrator", "webmaster", "postmaster",
    "hostmaster", "root", "support", "help", "helpdesk", "desk", "sales", "service", "recruit", "recruiting", "hr",
    "account", "accounting", "staff", "team", "group", "all", "members", "general", "company", "corp", "reception",
    "secretary", "noreply", "inquiry", "inquiries", "enquiry", "enquiries", "engineering", "quality", "lab",
    "plant", "factory", "soumu", "somu", "soumubu", "jimu", "jimukyoku", "jimusho", "jinji", "keiri", "eigyo",
    "eigyou", "gijutsu", "gijutu", "gijyutu", "kensetsu", "koji", "kouji", "kojibu", "doboku", "kenchiku",
    "hinshitsu", "hinsitsu", "hinkan", "shiken", "siken", "shikensitsu", "kojo", "koujou", "honsha", "honten",
    "honbu", "shisha", "siten", "shiten", "eigyosho", "eigyousho", "kanri", "hisho", "uketsuke", "uketuke",
    "toiawase", "otoiawase", "kaisha", "daihyo", "daihyou", "kyoyu", "kyouyu",
))
# fmt: on
"""Local parts, or their parts, that name a post and not a person: in English, and Japanese in Latin letters."""

AddressProblem = Literal["missing", "no-at", "long", "hidden", "local", "dots", "domain", "spreadsheet"]
Advice = Literal["role", "dots", "differs"]


@dataclass(frozen=True)
class OwnAddress:
    """An address as it is mailed to: ASCII, the domain in small letters."""

    mailed: str

    @property
    def key(self) -> str:
        """Equal for all spellings of one address."""
        return same_address_key(self.mailed)


def read_address(text: str) -> OwnAddress | AddressProblem:
    """The address that was meant, or what is wrong with it."""
    typed = trimmed(text)
    if not typed:
        return "missing"
    if hidden_in(typed):
        return "hidden"
    plain = unicodedata.normalize("NFKC", typed).replace("。", ".").replace(" ", "")
    plain = plain.removeprefix("mailto:")
    if plain.count("@") != 1:
        return "no-at"
    if len(plain) > LONGEST:
        return "long"
    local, _, domain = plain.partition("@")
    if _has_odd_dots(local) and not _is_carriers(domain):
        return "dots"
    regular = re.sub(r"\.+", ".", local).strip(".")
    try:
        checked = validate_email(
            f"{regular}@{domain}", check_deliverability=False, allow_smtputf8=False, allow_quoted_local=False
        )
    except EmailNotValidError:
        return "domain" if _is_valid_before_at(regular) else "local"
    mailed = f"{local}@{checked.ascii_domain}"
    if implausible_address(mailed):
        return "spreadsheet"
    return "local" if address_fault(mailed) else OwnAddress(mailed)


def advice(address: OwnAddress, contact_email: str | None) -> tuple[Advice, ...]:
    """What the person should know before the letter goes out. None of it keeps the address from being registered."""
    local, _, _ = address.mailed.partition("@")
    found: list[Advice] = []
    if is_role(local):
        found.append("role")
    if _has_odd_dots(local):
        found.append("dots")
    if contact_email and same_address_key(contact_email) != address.key:
        found.append("differs")
    return tuple(found)


def is_role(local: str) -> bool:
    """Whether what stands before the @ names a post: info, soumu, tokyo-eigyo, info2."""
    plain = local.casefold()
    parts = [re.sub(r"[\d._-]", "", part) for part in (plain, *re.split(r"[._+-]", plain))]
    return any(part in _ROLES for part in parts)


def _has_odd_dots(local: str) -> bool:
    return local.startswith(".") or local.endswith(".") or ".." in local


def _is_carriers(domain: str) -> bool:
    plain = domain.casefold()
    return any(plain == each or plain.endswith(f".{each}") for each in _CARRIERS)


def _is_valid_before_at(local: str) -> bool:
    try:
        validate_email(f"{local}@example.jp", check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return False
    return True

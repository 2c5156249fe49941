"""E-mail addresses as the product compares and accepts them. Used by registration, issuer, mailer and wallet.

Why not byte by byte: one mailbox reaches us as `Taro@Example.jp`, as `taro@example.jp` and, typed with a Japanese input
method, as `ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ`. One address per person and one person per address holds over a common form
only. RFC 5321, 2.4 lets a server tell `Taro` from `taro`; no server in use does, and of two people who differ by case
alone one would read the other's letters.

Why not RFC 5322: Japanese carriers gave out addresses that it forbids (`..taro..@…`, `taro.@…`) and they work to this
day. So only what can't be delivered is refused.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 254  # octets; RFC 5321, 4.5.3.1.3, less the two angle brackets of a path
LONGEST_LOCAL = 64  # octets; RFC 5321, 4.5.3.1.1

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+")  # RFC 5322, 3.2.3: atext, and dots wherever they stand


def same_address_key(text: str) -> str:
    """What two spellings of one address have in common: NFKC, case folded, trimmed.

    Equal keys mean one address. Total (never raises) and idempotent: the key of a key is that key.
    """
    while True:  # folding can open a new compatibility form and the reverse: ends after two or three rounds
        key = unicodedata.normalize("NFKC", text).casefold().strip()
        if key == text:
            return key
        text = key


def as_mailed(text: str) -> str:
    """The address as an SMTP server takes it: full-width forms folded, trimmed; the case stays as registered."""
    return unicodedata.normalize("NFKC", text).strip()


def domain_of(address: str) -> str:
    """The mail domain of an address, in lower case."""
    return address.rpartition("@")[2].lower()


def masked(address: str) -> str:
    """So that its owner knows it and nobody else learns it: t***@e***.jp."""
    local, _, domain = as_mailed(address).rpartition("@")
    return f"{local[:1]}***@{domain[:1]}***.{domain.rpartition('.')[2]}"


def address_problem(text: str) -> str | None:
    """What keeps `text` from being an address that we can write to, as a text that follows "expected"; None if nothing.

    Judged on `as_mailed(text)`, so a full-width spelling is fine. Letters outside ASCII are refused: they would need
    SMTPUTF8 (RFC 6531) at every server on the way.
    """
    address = as_mailed(text)
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in text):
        return "an address without control characters"
    if address.count("@") != 1:
        return f"an address with one @, found {address.count('@')}"
    local, domain = address.split("@")
    if not address.isascii():
        return "an address in ASCII letters"
    if len(address) > LONGEST or len(local) > LONGEST_LOCAL:
        return f"an address of at most {LONGEST} characters, {LONGEST_LOCAL} before the @"
    if not _LOCAL.fullmatch(local):
        return "letters, digits, dots or !#$%&'*+/=?^_`{|}~- before the @"
    labels = domain.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        return "a domain such as example.jp after the @"
    return None

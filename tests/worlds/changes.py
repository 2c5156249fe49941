"""Every change of one character of a text, and what our own verifier says of a credential after each."""

from __future__ import annotations

import multiprocessing
import os
import string
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from services.verifier.check.credential import read_credential
from services.verifier.check.evidence import Evidence
from services.verifier.check.verdict import verdict_on
from services.verifier.files.read import read_document
from shared.errors import Unreadable
from tests.worlds.outside_verifier import Change

_ALPHABETS = (string.digits, string.ascii_lowercase, string.ascii_uppercase)


def every_change(text: str, first: int = 0) -> list[Change]:
    """Two changes at each place from `first` on: the next character of its kind, and the other case if it has one.

    The next one keeps a digit a digit and a letter a letter, so that as much as possible stays readable. The other
    case is what a reader that ignores case would accept.
    """
    places = list(enumerate(text))[first:]
    replaced = [(place, _next(character)) for place, character in places]
    return replaced + [(place, each.swapcase()) for place, each in places if each.swapcase() != each]


def after(text: str, change: Change) -> str:
    place, put = change
    return text[:place] + put + text[place + 1 :]


@dataclass(frozen=True)
class OurVerifier:
    """Our seven checks of a credential's text, with the same evidence each time."""

    evidence: Evidence
    did: str
    now: datetime

    def verdict(self, text: str) -> str:
        """A verdict's kind; also "not-valid" for what can't be read."""
        try:
            credential = read_credential(read_document(text.encode()))
        except Unreadable:
            return "not-valid"
        return verdict_on(credential, self.evidence, did=self.did, now=self.now).kind

    def verdicts(self, text: str, changes: Sequence[Change]) -> list[str]:
        """The verdict after each change, by as many processes as the machine has cores."""
        count = os.cpu_count() or 1
        with ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn")) as pool:
            shares = [pool.submit(self._each, text, changes[n::count]) for n in range(count)]
            verdicts = [""] * len(changes)
            for n, share in enumerate(shares):
                verdicts[n::count] = share.result()
        return verdicts

    def _each(self, text: str, changes: Sequence[Change]) -> list[str]:
        return [self.verdict(after(text, change)) for change in changes]


def _next(character: str) -> str:
    for alphabet in _ALPHABETS:
        if character in alphabet:
            return alphabet[(alphabet.index(character) + 1) % len(alphabet)]
    return chr(ord(character) + 1)

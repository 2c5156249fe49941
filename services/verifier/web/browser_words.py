"""The texts of `check/wording.py` as JSON, for the verifier in the browser, so that it and the page say the same; pure.

`python -m services.verifier.web.browser_words` writes `browser/words.json`, which is built into the page's script.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.verifier.check.checks import NAMES, Check
from services.verifier.check.count_words import (
    COUNT_EXPLANATIONS,
    COUNT_HEADINGS,
    COUNT_NAMES,
    COUNT_NEXT,
    COUNT_SENTENCES,
    COUNT_SHAPES,
)
from services.verifier.check.credential import read_credential
from services.verifier.check.evidence import UNTOLD, IssuerRecord, Revocation
from services.verifier.check.explanation import EXPLANATIONS
from services.verifier.check.verdict import EXIT_CODES, Kind, Verdict, not_readable
from services.verifier.check.wording import REGISTRATION_IS_VALID, SOURCES, heading, next_step, sentence, shape
from shared.errors import HoldsNothing, Unreadable
from shared.programme import Bilingual
from shared.runtime.web.language import phrases

TARGET = Path(__file__).parents[1] / "browser" / "words.json"

_FROM, _UNTIL, _ERASED = (datetime(*day, tzinfo=UTC) for day in ((2001, 2, 3), (2004, 5, 6), (2007, 8, 9)))
_SOCIETY = Bilingual("{society}", "{society}")


def words() -> dict[str, Any]:
    """Names, headings, shapes, sentences, next steps, explanations.

    {society}, {from}, {until}, {erased}, {sources} in a sentence are filled in by the script.
    """
    return {
        "names": {number: _pair(name) for number, name in NAMES.items()},
        "headings": {face: _breakable(heading(verdict)) for face, verdict in FACES.items()},
        "shapes": {face: shape(verdict) for face, verdict in FACES.items()},
        "sources": {number: _pair(source) for number, source in SOURCES.items()},
        "and": _conjunction(),
        "sentences": {face: _pair(_sentence(verdict)) for face, verdict in FACES.items()},
        "registrationIsValid": _pair(REGISTRATION_IS_VALID),
        "next": {face: _pair(next_step(verdict)) for face, verdict in FACES.items()},
        "explanations": {"-".join(map(str, case)): _pair(text) for case, text in EXPLANATIONS.items()},
        "count": {
            "names": {number: _pair(name) for number, name in COUNT_NAMES.items()},
            "headings": {kind: _breakable(text) for kind, text in COUNT_HEADINGS.items()},
            "sentences": {kind: _pair(text) for kind, text in COUNT_SENTENCES.items()},
            "next": {kind: _pair(text) for kind, text in COUNT_NEXT.items()},
            "shapes": dict(COUNT_SHAPES),
            "explanations": {f"{number}-{code}": _pair(text) for (number, code), text in COUNT_EXPLANATIONS.items()},
        },
    }


def as_text() -> str:
    return json.dumps(words(), ensure_ascii=False, indent=1) + "\n"


def _pair(text: Bilingual) -> dict[str, str]:
    return {"ja": text.ja, "en": text.en}


def _breakable(text: Bilingual) -> dict[str, str]:
    """U+200B where a Japanese line may be broken: between phrases."""
    return {"ja": str(phrases(text.ja)).replace("<wbr>", "\u200b"), "en": text.en}


def _verdict(kind: Kind, *open_checks: int, record: IssuerRecord = UNTOLD) -> Verdict:
    checks = tuple(Check(number, NAMES[number], "unknown", "", "") for number in open_checks)
    return Verdict(kind, checks, _FROM, _BADGE, record)


def _sentence(verdict: Verdict) -> Bilingual:
    said = sentence(verdict, _SOCIETY)
    ja = (
        said.ja.replace("2001年2月3日", "{from}").replace("2004年5月6日", "{until}").replace("2007年8月9日", "{erased}")
    )
    en = (
        said.en.replace("3 February 2001", "{from}")
        .replace("6 May 2004", "{until}")
        .replace("9 August 2007", "{erased}")
    )
    return Bilingual(ja.replace(SOURCES[5].ja, "{sources}"), en.replace(SOURCES[5].en, "{sources}"))


def _conjunction() -> dict[str, str]:
    """The text between two sources."""
    said = sentence(_verdict("could-not-check", 5, 7), _SOCIETY)

    def between(text: str, one: str, other: str) -> str:
        return text.partition(one)[2].partition(other)[0]

    return {
        "ja": between(said.ja, SOURCES[5].ja, SOURCES[7].ja),
        "en": between(said.en, SOURCES[5].en, SOURCES[7].en),
    }


_BADGE = read_credential(
    {
        "id": "",
        "type": ["OpenBadgeCredential"],
        "issuer": {"id": ""},
        "validFrom": _FROM.isoformat(),
        "validUntil": _UNTIL.isoformat(),
        "credentialSubject": {"achievement": {"id": ""}},
        "proof": [{}],
    }
).badge

FACES: dict[str, Verdict] = {
    **{kind: _verdict(kind, 5) for kind in EXIT_CODES},
    "empty": not_readable(HoldsNothing(""), _FROM),
    "unread": not_readable(Unreadable(""), _FROM),
    "other-issuer": Verdict("not-valid", (Check(2, NAMES[2], "failed", "", ""),), _FROM, _BADGE),
    "replaced": _verdict("revoked", record=IssuerRecord(revocation=Revocation(_FROM, "", "A"))),
    "erased": _verdict("revoked", record=IssuerRecord(revocation=Revocation(_ERASED, ""), erased_at=_ERASED)),
}
"""A verdict for each set of words: one a kind, and the five that are told otherwise. As `faceOf` in verdict.js."""

if __name__ == "__main__":
    TARGET.write_text(as_text(), encoding="utf-8")

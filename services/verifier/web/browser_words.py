"""The texts of `check/wording.py` as JSON, for the verifier in the browser, so that it and the page say the same; pure.

`python -m services.verifier.web.browser_words` writes `browser/words.json`, which is built into the page's script.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.verifier.check.checks import NAMES, Check
from services.verifier.check.credential import read_credential
from services.verifier.check.verdict import EXIT_CODES, Kind, Verdict
from services.verifier.check.wording import SHAPES, SOURCES, heading, next_step, sentence
from shared.programme import Bilingual
from shared.runtime.web.language import phrases

TARGET = Path(__file__).parents[1] / "browser" / "words.json"

_DAY = datetime(2001, 2, 3, tzinfo=UTC)
_SOCIETY = Bilingual("{society}", "{society}")


def words() -> dict[str, Any]:
    """Names, headings, sentences, next steps. {society}, {day}, {sources} in a sentence are filled in by the script."""
    return {
        "names": {number: _pair(name) for number, name in NAMES.items()},
        "headings": {kind: _breakable(heading(_verdict(kind))) for kind in EXIT_CODES},
        "shapes": dict(SHAPES),
        "sources": {number: _pair(source) for number, source in SOURCES.items()},
        "and": _conjunction(),
        "sentences": {kind: _pair(_sentence(kind)) for kind in EXIT_CODES},
        "next": {kind: _pair(next_step(_verdict(kind))) for kind in EXIT_CODES},
    }


def as_text() -> str:
    return json.dumps(words(), ensure_ascii=False, indent=1) + "\n"


def _pair(text: Bilingual) -> dict[str, str]:
    return {"ja": text.ja, "en": text.en}


def _breakable(text: Bilingual) -> dict[str, str]:
    """U+200B where a Japanese line may be broken: between phrases."""
    return {"ja": str(phrases(text.ja)).replace("<wbr>", "\u200b"), "en": text.en}


def _verdict(kind: Kind, *open_checks: int) -> Verdict:
    """A verdict without the issuer's record: that a certificate was replaced is in no signed document."""
    return Verdict(kind, tuple(Check(number, NAMES[number], "unknown", "", "") for number in open_checks), _DAY, _BADGE)


def _sentence(kind: Kind) -> Bilingual:
    said = sentence(_verdict(kind, 5), _SOCIETY)
    return Bilingual(
        said.ja.replace("2001年2月3日", "{day}").replace(SOURCES[5].ja, "{sources}"),
        said.en.replace("3 February 2001", "{day}").replace(SOURCES[5].en, "{sources}"),
    )


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
        "validFrom": _DAY.isoformat(),
        "validUntil": _DAY.isoformat(),
        "credentialSubject": {"achievement": {"id": ""}},
        "proof": [{}],
    }
).badge

if __name__ == "__main__":
    TARGET.write_text(as_text(), encoding="utf-8")

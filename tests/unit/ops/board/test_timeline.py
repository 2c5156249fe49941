from __future__ import annotations

from itertools import permutations

from services.ops.board.decisions import DecisionLine, Happening, LetterLine, VersionLine
from services.ops.board.timeline import Change, timeline
from tests.worlds.cohorts import at


def version(number: int, **facts: str | None) -> Happening:
    return Happening(kind="version", number=number, at=at(number), facts=facts)


BADGE = VersionLine(
    assertion_id="A",
    version=1,
    issued_at=at(3),
    corrects=None,
    renews=None,
    received_at=at(6),
    anchored_at=None,
    rendered_at=None,
    revoked_at=at(9),
    revoked_reason="退会",
    replaced_by=None,
)
LETTER = LetterLine(assertion_id="A", letter="award", state="sent", attempt=1, at=at(4), answer=None, sent_at=at(4))
DECISION = DecisionLine(id="D", decision="correct-address", subject="R", by="事務局", why="本人の申し出", at=at(5))


def test_everything_stands_in_one_list_the_latest_first() -> None:
    happened = [Happening(kind="held", number=1, at=at(1), reason="no-glyph"), version(2)]
    found = timeline(happened, [BADGE], [LETTER], [DECISION], {"D": [Change("email", "a", "b")]})
    assert [moment.kind for moment in found] == [
        *("revoked", "received", "decision", "letter", "issued", "version", "held")
    ]
    assert found[0].reason == "退会" and found[2].changes == (Change("email", "a", "b"),)


def test_a_version_says_what_differs_from_the_one_before_in_whatever_order_they_came() -> None:
    versions = [version(1, name="見本", until="1"), version(2, name="髙橋", until="1"), version(3, name="髙橋")]
    for order in permutations(versions):
        found = timeline(order, [], [], [], {})
        assert [moment.changes for moment in found] == [
            (),
            (Change("name", "見本", "髙橋"),),
            (),
        ]

"""A person's history in one list, the latest first: what registration said, badges, letters, decisions; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.ops.board.decisions import DecisionLine, Happening, LetterLine, VersionLine
from shared.programme import Bilingual


@dataclass(frozen=True)
class Change:
    """A field, its old value and its new one; None: there is none, or it is not shown."""

    field: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class Moment:
    """One entry. `kind`: of a Happening, a stage of a badge ("issued", "received", …), "letter" or "decision"."""

    at: datetime
    kind: str
    number: int = 0
    reason: str | None = None
    subject: str | None = None
    changes: tuple[Change, ...] = ()
    letter: LetterLine | None = None
    decision: DecisionLine | None = None


HAPPENED: dict[str, Bilingual] = {
    "version": Bilingual("登録の記録", "Registration's record"),
    "held": Bilingual("保留", "Held"),
    "released": Bilingual("保留の解除", "Released"),
    "address": Bilingual("お知らせの送り先の変更", "Letters go to another address"),
    "recovery-begun": Bilingual(
        "アドレス変更の受け付け（メールアドレスの紛失）", "Change of address waits (lost mailbox)"
    ),
    "recovery-moved": Bilingual("アドレス変更の完了（メールアドレスの紛失）", "Address changed (lost mailbox)"),
    "recovery-stopped": Bilingual("アドレス変更の中止（メールアドレスの紛失）", "Change of address stopped"),
    "recovery-address-taken": Bilingual("アドレス変更の中止（ほかの方のアドレス）", "Change of address stopped: taken"),
    "refused": Bilingual("発行できない内容", "Refused by the issuer"),
    "issued": Bilingual("バッジの発行", "Badge issued"),
    "received": Bilingual("受領", "Received"),
    "anchored": Bilingual("チェーンへの記録", "Anchored"),
    "rendered": Bilingual("PDFの作成", "PDFs made"),
    "revoked": Bilingual("バッジの取り消し", "Badge revoked"),
}
"""What stands in a person's history."""

ANSWERS: dict[str, Bilingual] = {
    "corrected": Bilingual("訂正されたバッジのため", "its badge was corrected"),
    "revoked": Bilingual("取り消されたバッジのため", "its badge was revoked"),
    "received": Bilingual("受領されたため", "the badge was received"),
    "renewed": Bilingual("更新されたため", "the registration was renewed"),
    "expired": Bilingual("有効期間が過ぎたため", "its period is over"),
    "ended": Bilingual("期限が過ぎたため", "its time is over"),
}
"""Why the mailer itself ended a letter. Every other answer is a mail server's, and stands as it came."""

_STAGES = ("issued", "received", "anchored", "rendered", "revoked")


def timeline(
    happened: Sequence[Happening],
    versions: Iterable[VersionLine],
    letters: Iterable[LetterLine],
    decisions: Iterable[DecisionLine],
    changed: Mapping[str, Sequence[Change]],
) -> list[Moment]:
    """The latest first. `changed`: of decisions, by id, what they changed (as far as it is known)."""
    moments: list[Moment] = []
    before: dict[str, str | None] | None = None
    for each in sorted(happened, key=lambda each: (each.kind, each.number)):
        changes: tuple[Change, ...] = ()
        if each.kind == "version":
            facts = each.facts or {}
            changes = tuple(
                Change(field, before.get(field), new)
                for field, new in facts.items()
                if before and before.get(field) != new
            )
            before = facts
        moments.append(Moment(each.at, each.kind, each.number, each.reason, changes=changes))
    for version in versions:
        for stage in _STAGES:
            at: datetime | None = getattr(version, f"{stage}_at")
            if at is not None:
                reason = version.revoked_reason if stage == "revoked" else None
                moments.append(Moment(at, stage, version.version, reason, version.assertion_id))
    moments += [Moment(letter.at, "letter", letter=letter, subject=letter.assertion_id) for letter in letters]
    moments += [
        Moment(line.at, "decision", reason=line.why, decision=line, changes=tuple(changed.get(line.id, ())))
        for line in decisions
    ]
    return sorted(moments, key=lambda moment: moment.at, reverse=True)

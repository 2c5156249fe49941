"""The public count of a cohort: when there is something to state, and a division that identifies nobody; pure.

The total of a cohort is always exact: the batches' manifests and the status lists show as much. What must not
identify anybody is its division by qualification:
- a qualification with fewer than `SMALLEST` badges is counted together with others;
- no two statements differ by a small number: whatever can be computed as the difference between the groups of this
  statement and those of an earlier one is 0 or at least `SMALLEST`, in each of its figures. Where that needs so much
  merging that no division is left, the last division stands, under its number, until enough has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.issuer.domain.issuance import Issuer
from shared.credentials.count import Batch, CountStatement, Figures, Former, Group, digest_of, leaf_list, total

SMALLEST = 10
"""The fewest badges of a group, and the smallest change that is shown of one."""

Division = tuple[Group, ...]
_Parts = list[frozenset[str]]


@dataclass(frozen=True)
class Count:
    """What the tables have of a cohort. `added`: leaves (hex) of badges that no statement counts yet."""

    cohort: str
    figures: Mapping[str, Figures]  # by qualification
    added: tuple[str, ...]
    batches: tuple[Batch, ...]
    status_lists: tuple[int, ...]
    last_day: date  # of the period of those badges

    @property
    def total(self) -> Figures:
        return total(self.figures.values())


@dataclass(frozen=True)
class Stated:
    """A former statement as it was published."""

    statement: CountStatement
    leaf: str


def is_news(count: Count, former: Stated | None) -> bool:
    """Whether there is anything to state that the former statement doesn't say."""
    if former is None:
        return count.total.issued > 0
    told = former.statement
    return bool(count.added) or (count.total, count.batches) != (told.figures, told.batches)


def lost(count: Count, former: Stated | None) -> str | None:
    """What the tables lack of what was stated, as after a restore; None for nothing. No number goes back."""
    if former is None:
        return None
    told, now = former.statement, count.total
    known = now.issued - len(count.added)
    withdrawn, stated = now.revoked + now.corrected, told.figures.revoked + told.figures.corrected
    missing = {each.root for each in told.batches} - {each.root for each in count.batches}
    if known != told.figures.issued:
        return f"got {known} of the stated badges, expected {told.figures.issued}"
    if withdrawn < stated:
        return f"got {withdrawn} revoked or corrected badges, expected the stated {stated} or more"
    if missing or now.anchored < told.figures.anchored:
        return f"got {now.anchored} anchored badges, expected the stated {told.figures.anchored} or more"
    return None


def statement_of(
    count: Count, former: Stated | None, earlier: Sequence[CountStatement], issuer: Issuer, now: datetime
) -> CountStatement:
    """The next statement of a cohort. `earlier`: of each division that was published one statement, or more."""
    number = 1 if former is None else former.statement.number + 1
    divisions = {each.divided_in: each.groups for each in earlier}
    groups, divided_in = division_of(count.figures, list(divisions.values())), number
    if groups is None and former is not None:
        groups, divided_in = former.statement.groups, former.statement.divided_in
    return CountStatement(
        public_url=issuer.public_url,
        issuer=issuer.did,
        cohort=count.cohort,
        number=number,
        stated_at=now.replace(microsecond=0),
        figures=count.total,
        last_day=count.last_day if former is None else max(count.last_day, former.statement.last_day),
        added=len(count.added),
        added_digest=digest_of(leaf_list(count.added)),
        divided_in=divided_in,
        groups=groups or _whole(count.figures),
        batches=count.batches,
        status_lists=tuple(sorted(map(issuer.status_url, count.status_lists))),
        former=None if former is None else Former(former.statement.url, former.leaf),
    )


def division_of(figures: Mapping[str, Figures], former: Sequence[Division]) -> Division | None:
    """The finest division that we find that, together with the `former` ones, shows no small group.

    None when only the total is left, and there was a division before. Without any before: the total as one group.
    """
    parts = [frozenset([name]) for name in sorted(figures)]
    while len(parts) > 1:
        small = next((part for part in parts if _is_small(part, parts, figures, former)), None)
        if small is None:
            return _groups(parts, figures)
        others = sorted(
            (part for part in parts if part != small), key=lambda part: (_sum(part, figures).issued, sorted(part))
        )
        merged = [_merged(parts, small, other) for other in others]
        parts = next((each for each in merged if not _is_small(each[-1], each, figures, former)), merged[0])
    # One group says what the total says, and that is exact in any case.
    is_only = len(figures) == 1 and all(len(groups) == 1 for groups in former)
    return _whole(figures) if is_only or not former else None


def _merged(parts: _Parts, one: frozenset[str], other: frozenset[str]) -> _Parts:
    return [*(part for part in parts if part not in (one, other)), one | other]


def _is_small(part: frozenset[str], parts: _Parts, figures: Mapping[str, Figures], former: Sequence[Division]) -> bool:
    """Whether a part shows something small, by itself or by its difference to a former division."""
    if _sum(part, figures).issued < SMALLEST:
        return True
    for groups in former:
        block = next(block for block in _common(parts, groups) if part <= block)
        told = total(group.figures for group in groups if block.issuperset(group.qualifications))
        if any(0 < abs(value) < SMALLEST for value in _sum(block, figures).minus(told).parts):
            return True
    return False


def _common(parts: _Parts, groups: Division) -> list[frozenset[str]]:
    """The smallest sets that both divisions can be summed up to: of these the difference can be computed."""
    blocks: list[frozenset[str]] = []
    for part in (*parts, *(frozenset(group.qualifications) for group in groups)):
        touching = [block for block in blocks if block & part]
        blocks = [block for block in blocks if not block & part] + [part.union(*touching)]
    return blocks


def _whole(figures: Mapping[str, Figures]) -> Division:
    return _groups([frozenset(figures)], figures)


def _groups(parts: _Parts, figures: Mapping[str, Figures]) -> Division:
    groups = (Group(tuple(sorted(part)), _sum(part, figures)) for part in parts)
    return tuple(sorted(groups, key=lambda group: group.qualifications))


def _sum(part: frozenset[str], figures: Mapping[str, Figures]) -> Figures:
    return total(figures.get(name, Figures()) for name in part)

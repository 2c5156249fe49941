"""What the issuer's tables say of the statements of the count in object storage, and of their lists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.issuer.count.counting import own_statement
from services.issuer.domain.adoption import whole_credential
from services.issuer.domain.publication import JSON, DocumentSources
from services.issuer.storage.published import own_keys
from services.issuer.store import IssuerTransaction, Store
from services.issuer.store.counting import StatementRow
from shared import object_keys
from shared.errors import Unreadable
from shared.runtime.scrub import Expected

_KEY = re.compile(rf"{object_keys.STATEMENTS}({object_keys.COHORT})/({object_keys.STATEMENT_NUMBER})(\.leaves)?\.json")


@dataclass(frozen=True)
class Statements:
    """`statements/<cohort>/<n>.json` and its list of leaves. Anchor answers for the proofs after the first."""

    store: Store
    sources: DocumentSources
    kind: str = "statements"
    folder: str | None = object_keys.STATEMENTS

    def page(self, tx: IssuerTransaction, after: str, limit: int) -> Sequence[Expected]:
        """Two objects a statement; `after` is the place of a list, or of nothing."""
        cohort, _, number = after.partition("/")
        rows = tx.published_statements((cohort, int(number.partition(".")[0] or 0)), max(limit // 2, 1))
        return [each for row in rows for each in (self._statement(row), self._list(row))]

    def prepare(self, expected: Expected) -> None:
        """Nothing: a put that takes effect late can only take a proof off, which anchor's next pass adds again."""

    def lock(self, tx: IssuerTransaction, expected: Expected) -> Expected | None:
        found = _KEY.fullmatch(expected.key)
        row = tx.lock_statement(found[1], int(found[2])) if found else None
        if row is None or found is None:
            return None
        return self._list(row) if found[3] else self._statement(row)

    def _statement(self, row: StatementRow) -> Expected:
        body = row.body or b""

        def make(stored: bytes | None) -> bytes:
            return whole_credential(body, row.leaf, stored)

        key = object_keys.statement(row.cohort, row.number)
        return Expected(row.id, key, JSON, lambda stored: make(stored) == stored, make)

    def _list(self, row: StatementRow) -> Expected:
        leaves = row.leaves or b""
        key = object_keys.stated_leaves(row.cohort, row.number)
        return Expected(f"{row.id}.leaves", key, JSON, lambda stored: stored == leaves, lambda stored: leaves)

    def unknown(self, tx: IssuerTransaction, keys: Sequence[str]) -> Sequence[str]:
        ids = {key: (found[1], int(found[2])) for key in keys if (found := _KEY.fullmatch(key))}
        known = tx.known_statements(list(ids.values()))
        return [key for key in keys if ids.get(key) not in known]

    def adopt(self, tx: IssuerTransaction, key: str, stored: bytes) -> bool:
        """Take a statement of ours that the tables don't know, after a restore: its number is not used again."""
        found = _KEY.fullmatch(key)
        if found is None or found[3]:
            return False
        try:
            leaf, statement = own_statement(stored, found[1], int(found[2]), own_keys(tx, self.sources))
        except Unreadable:
            return False
        tx.adopt_statement(statement.cohort, statement.number, leaf, statement.stated_at)
        return True

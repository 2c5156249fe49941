"""The schema `issuer`: its SQL, and nobody else's. It holds names, numbers and addresses of holders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

import msgspec

from services.issuer.issuance import Assertion, StatusPlace, issued
from services.issuer.publication import status_name
from services.issuer.status import ROOM, draw_indexes
from shared.events import AssertionIssued
from shared.runtime.db import Database, Transaction

_announcements = msgspec.json.Decoder(AssertionIssued)


@dataclass(frozen=True)
class Issued:
    """A signed credential, as bytes, with the hash that is anchored."""

    assertion: Assertion
    credential: bytes
    leaf: str


@dataclass(frozen=True)
class Signed:
    """A credential that waits to be put into object storage. `attempts` counts the failed ones."""

    assertion_id: str
    credential: bytes
    announcement: AssertionIssued
    attempts: int


@dataclass(frozen=True)
class Due:
    """A document that waits to be published."""

    name: str
    attempts: int


class IssuerTransaction(Transaction):
    """One transaction on the issuer's schema."""

    # ── issue ──────────────────────────────────────────────────────────────────────────────────────────

    def known(self, ids: Iterable[str]) -> frozenset[str]:
        """Those of the assertion ids that we issued."""
        found = self.cursor.execute("select assertion_id from assertions where assertion_id = any(%s)", (list(ids),))
        return frozenset(row[0] for row in found)

    def reserve(self, count: int, random: Random) -> list[StatusPlace]:
        """`count` bits of the current status list that nobody has, in random order; ours when this transaction commits.

        Who draws a bit at the same moment in another process waits for our commit and draws another.
        """
        number, used = self.cursor.execute(
            "select coalesce(max(status_list), 1), count(*) filter (where status_list = newest)"
            " from status_entries, (select max(status_list) as newest from status_entries) as of_all"
        ).fetchone() or (1, 0)
        if used >= ROOM:
            number += 1
        taken: list[int] = []
        while len(taken) < count:
            drawn = draw_indexes(random, count - len(taken))
            taken += [
                row[0]
                for row in self.cursor.execute(
                    "insert into status_entries (status_list, status_index)"
                    " select %s, bit from unnest(%s::int[]) as bit order by bit"
                    " on conflict do nothing returning status_index",
                    (number, drawn),
                )
            ]
        random.shuffle(taken)
        return [StatusPlace(number, index) for index in taken]

    def save(self, batch: Sequence[Issued], now: datetime) -> None:
        """Write the signed credentials down; they wait to be stored."""
        assertions = [each.assertion for each in batch]
        self.cursor.execute(
            "insert into assertions (assertion_id, registration_id, cohort, qualification, status_list, status_index,"
            " leaf, credential, announcement, issued_at, next_try_at)"
            " select *, %s, %s from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::int[], %s::int[],"
            " %s::text[], %b::bytea[], %b::bytea[])",
            (
                now,
                now,
                [each.assertion_id for each in assertions],
                [each.award.registration_id for each in assertions],
                [each.award.cohort for each in assertions],
                [each.award.qualification for each in assertions],
                [each.status.number for each in assertions],
                [each.status.index for each in assertions],
                [each.leaf for each in batch],
                [each.credential for each in batch],
                [msgspec.json.encode(issued(each.assertion, each.leaf)) for each in batch],
            ),
        )

    # ── store ──────────────────────────────────────────────────────────────────────────────────────────

    def take_signed(self, limit: int, now: datetime) -> list[Signed]:
        """Credentials that are due to be stored; no other process takes them until this transaction ends."""
        found = self.cursor.execute(
            "select assertion_id, credential, announcement, attempts from assertions"
            " where state = 'signed' and next_try_at <= %s order by next_try_at limit %s for update skip locked",
            (now, limit),
        )
        return [Signed(id, credential, _announcements.decode(said), tries) for id, credential, said, tries in found]

    def mark_stored(self, ids: Sequence[str], now: datetime) -> None:
        self.cursor.execute(
            "update assertions set state = 'stored', stored_at = %s, last_error = null where assertion_id = any(%s)",
            (now, list(ids)),
        )

    def mark_not_stored(self, assertion_id: str, error: str, next_try_at: datetime) -> None:
        self.cursor.execute(
            "update assertions set attempts = attempts + 1, last_error = %s, next_try_at = %s where assertion_id = %s",
            (error, next_try_at, assertion_id),
        )

    # ── publish ────────────────────────────────────────────────────────────────────────────────────────

    def expect_documents(self, names: Iterable[str], fingerprint: str, now: datetime) -> None:
        """Make documents due that aren't published yet."""
        self.cursor.execute(
            "insert into documents (name, fingerprint, next_try_at) select name, %s, %s from unnest(%s::text[]) as name"
            " order by name on conflict do nothing",
            (fingerprint, now, sorted(set(names))),
        )

    def expect_changes(self, fingerprint: str, now: datetime) -> None:
        """Make documents due that were made from something else."""
        self.cursor.execute(
            "update documents set fingerprint = %s, next_try_at = %s where fingerprint <> %s",
            (fingerprint, now, fingerprint),
        )

    def take_due(self, limit: int, now: datetime) -> list[Due]:
        """Documents that are due; no other process takes them until this transaction ends."""
        found = self.cursor.execute(
            "select name, attempts from documents where next_try_at <= %s"
            " order by next_try_at, name limit %s for update skip locked",
            (now, limit),
        )
        return [Due(*row) for row in found]

    def mark_published(self, name: str, now: datetime, next_at: datetime) -> None:
        self.cursor.execute(
            "update documents set published_at = %s, next_try_at = %s, attempts = 0, last_error = null where name = %s",
            (now, next_at, name),
        )

    def mark_not_published(self, name: str, error: str, next_try_at: datetime) -> None:
        self.cursor.execute(
            "update documents set attempts = attempts + 1, last_error = %s, next_try_at = %s where name = %s",
            (error, next_try_at, name),
        )

    def signing_keys(self, current: str, now: datetime) -> list[str]:
        """Every public key that ever signed, in order of first use; `current` is one of them from now on."""
        self.cursor.execute("insert into signing_keys values (%s, %s) on conflict do nothing", (current, now))
        found = self.cursor.execute("select public_key from signing_keys order by first_used_at, public_key")
        return [row[0] for row in found]

    # ── status ─────────────────────────────────────────────────────────────────────────────────────────

    def revoke(self, place: StatusPlace, now: datetime) -> None:
        """Set the bit of an assertion, for ever, and make its list due."""
        self.cursor.execute(
            "update status_entries set revoked_at = coalesce(revoked_at, %s)"
            " where status_list = %s and status_index = %s",
            (now, place.number, place.index),
        )
        self.cursor.execute("update documents set next_try_at = %s where name = %s", (now, status_name(place.number)))

    def revoked(self, number: int) -> list[int]:
        """The bits of a list that are set."""
        found = self.cursor.execute(
            "select status_index from status_entries where status_list = %s and revoked_at is not null", (number,)
        )
        return [row[0] for row in found]


Store = Database[IssuerTransaction]

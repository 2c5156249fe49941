"""The schema `issuer`: its SQL, and nobody else's. It holds names, numbers and addresses of holders.

Locks are taken in one order, so nobody waits in a circle: rows of assertions (by id), then rows of documents (by name).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

import msgspec

from services.issuer.domain.issuance import Assertion, StatusPlace, issued
from services.issuer.domain.publication import BadgeClass, status_name
from services.issuer.domain.revocation import Revocation, Standing
from services.issuer.domain.status import ROOM, draw_indexes
from shared.events import AssertionIssued
from shared.runtime.db import Database, Transaction

_announcements = msgspec.json.Decoder(AssertionIssued)


@dataclass(frozen=True)
class Issued:
    """A signed credential, as bytes, with the hash that is anchored and, of a later version, the office's reason."""

    assertion: Assertion
    credential: bytes
    leaf: str
    correction: str | None = None


@dataclass(frozen=True)
class Version:
    """An assertion of a registration."""

    number: int  # 0: there is none
    assertion_id: str | None


@dataclass(frozen=True)
class Signed:
    """A credential that waits to be put into object storage. `attempts` counts the failed ones.

    `revocation` is there when it was revoked meanwhile; `voids` are earlier versions, which it makes void.
    """

    assertion_id: str
    credential: bytes
    announcement: AssertionIssued
    attempts: int
    correction: str | None
    revocation: Revocation | None
    voids: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Due:
    """A document that is to be published. `attempts` counts the failed ones; `revision` is the one that is wanted."""

    name: str
    attempts: int
    revision: int
    next_try_at: datetime


class IssuerTransaction(Transaction):
    """One transaction on the issuer's schema."""

    # ── issue ──────────────────────────────────────────────────────────────────────────────────────────

    def newest(self, registration_ids: Iterable[str]) -> dict[str, Version]:
        """The newest version that we issued of each registration, if any."""
        found = self.cursor.execute(
            "select distinct on (registration_id) registration_id, version, assertion_id from assertions"
            " where registration_id = any(%s) order by registration_id, version desc",
            (list(set(registration_ids)),),
        )
        return {registration_id: Version(version, id) for registration_id, version, id in found}

    def reserve(self, count: int, random: Random) -> list[StatusPlace]:
        """`count` bits of the current status list that nobody has, in random order; ours when this transaction commits.

        Who draws a bit at the same moment in another process waits for our commit and draws another.
        """
        number, used = self.cursor.execute(
            "select number, (select count(*) from status_entries where status_list = number)"
            " from (select coalesce(max(status_list), 1) as number from status_entries) as newest"
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
            "insert into assertions (issued_at, next_try_at, assertion_id, registration_id, version, corrects,"
            " correction, cohort, qualification, status_list, status_index, leaf, credential, announcement)"
            " select %s, %s, * from unnest(%s::text[], %s::text[], %s::int[], %s::text[], %s::text[], %s::text[],"
            " %s::text[], %s::int[], %s::int[], %s::text[], %b::bytea[], %b::bytea[])",
            (
                now,
                now,
                [each.assertion_id for each in assertions],
                [each.award.registration_id for each in assertions],
                [each.version for each in assertions],
                [each.corrects for each in assertions],
                [each.correction for each in batch],
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
        """Credentials that are due to be stored; no other process takes them until this transaction ends.

        A version comes after all earlier ones are stored, and with those that it makes void, which are ours too. It is
        left for the next time while somebody else is at one of them: nothing is waited for with rows in hand.
        """
        found = self.cursor.execute(
            "select assertion_id, credential, announcement, attempts, correction,"
            " revoked_at, revocation_reason, replaced_by, decision_id from assertions"
            " where state = 'signed' and next_try_at <= %s and not exists (select from assertions as earlier"
            "  where earlier.registration_id = assertions.registration_id"
            "  and earlier.version < assertions.version and earlier.state = 'signed')"
            " order by next_try_at limit %s for update of assertions skip locked",
            (now, limit),
        ).fetchall()
        voids = self._lock_voids([row[0] for row in found if row[2]])
        taken = []
        for id, credential, said, attempts, correction, revoked_at, reason, replaced_by, decision_id in found:
            if id in voids and voids[id] is None:
                continue
            revocation = None if revoked_at is None else Revocation(id, reason, revoked_at, replaced_by, decision_id)
            announcement = _announcements.decode(said)
            taken.append(Signed(id, credential, announcement, attempts, correction, revocation, voids.get(id) or ()))
        return taken

    def _lock_voids(self, ids: Sequence[str]) -> dict[str, tuple[str, ...] | None]:
        """The earlier versions of these that still count, locked; None where somebody else holds one of them."""
        earlier = (
            "select assertions.assertion_id, later.assertion_id from assertions join assertions as later"
            " on later.registration_id = assertions.registration_id and later.version > assertions.version"
            " where later.assertion_id = any(%s) and later.version > 1 and assertions.revoked_at is null"
        )
        wanted = self.cursor.execute(earlier, (list(ids),)).fetchall()
        if not wanted:
            return {}
        locked = set(self.cursor.execute(f"{earlier} for update of assertions skip locked", (list(ids),)))
        found: dict[str, tuple[str, ...] | None] = {}
        for void, id in wanted:
            before = found.get(id, ())
            found[id] = None if before is None or (void, id) not in locked else (*before, void)
        return found

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

    # ── revoke ─────────────────────────────────────────────────────────────────────────────────────────

    def standing(self, ids: Iterable[str]) -> dict[str, Standing]:
        """How each of these assertions stands, if we issued it. They are ours until this transaction ends."""
        found = self.cursor.execute(
            "select assertion_id, state = 'stored', revoked_at is not null from assertions"
            " where assertion_id = any(%s) order by assertion_id for update",
            (sorted(set(ids)),),
        )
        return {id: Standing(stored, revoked) for id, stored, revoked in found}

    def revoke(self, batch: Sequence[Revocation], now: datetime) -> None:
        """Set the bits of assertions that stand and are ours, for ever; their lists are due."""
        if not batch:
            return
        lists = self.cursor.execute(
            "update assertions set revoked_at = why.revoked_at, revocation_reason = why.reason,"
            " replaced_by = why.replaced_by, decision_id = why.decision_id"
            " from unnest(%s::text[], %s::timestamptz[], %s::text[], %s::text[], %s::text[])"
            " as why (assertion_id, revoked_at, reason, replaced_by, decision_id)"
            " where assertions.assertion_id = why.assertion_id and assertions.revoked_at is null"
            " returning status_list",
            (
                [each.assertion_id for each in batch],
                [each.revoked_at for each in batch],
                [each.reason for each in batch],
                [each.replaced_by for each in batch],
                [each.decision_id for each in batch],
            ),
        )
        self.expect_again({status_name(row[0]) for row in lists}, now)

    def revoked(self, number: int) -> list[int]:
        """The bits of a list that are set."""
        found = self.cursor.execute(
            "select status_index from assertions where status_list = %s and revoked_at is not null", (number,)
        )
        return [row[0] for row in found]

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
            "with changed as (select name from documents where fingerprint <> %s order by name for update)"
            " update documents set fingerprint = %s, next_try_at = %s, revision = revision + 1"
            " where name in (select name from changed)",
            (fingerprint, fingerprint, now),
        )

    def expect_again(self, names: Iterable[str] | None, now: datetime) -> None:
        """Make these documents due, or all that there are. One that is being published now will be once more."""
        self.cursor.execute(
            "with meant as (select name from documents where %s or name = any(%s) order by name for update)"
            " update documents set next_try_at = %s, revision = revision + 1 where name in (select name from meant)",
            (names is None, sorted(names or ()), now),
        )

    def due(self, limit: int, now: datetime) -> list[str]:
        """The names of documents that are due."""
        found = self.cursor.execute(
            "select name from documents where next_try_at <= %s order by next_try_at, name limit %s", (now, limit)
        )
        return [row[0] for row in found]

    def documents(self) -> list[str]:
        """The names of all documents."""
        return [row[0] for row in self.cursor.execute("select name from documents order by name")]

    def begin_publishing(self, name: str, unsure_until: datetime) -> datetime | None:
        """Note that a put of this document begins; till when a put of somebody else may still land, if any may."""
        row = self.cursor.execute("select unsure_until from documents where name = %s for update", (name,)).fetchone()
        self.cursor.execute(
            "update documents set unsure_until = greatest(unsure_until, %s) where name = %s", (unsure_until, name)
        )
        return None if row is None else row[0]

    def take_turn(self, name: str) -> Due | None:
        """Wait till nobody else publishes this document; it is ours until this transaction ends.

        What is read after this is newer than what anybody has published. Who changes the document needn't wait for us.
        """
        self.cursor.execute("select pg_advisory_xact_lock(hashtext('issuer/publish'), hashtext(%s))", (name,))
        row = self.cursor.execute(
            "select name, attempts, revision, next_try_at from documents where name = %s", (name,)
        ).fetchone()
        return None if row is None else Due(*row)

    def mark_published(self, due: Due, unsure_until: datetime, now: datetime, next_at: datetime) -> None:
        """The document is there as it was when our turn came; what changed meanwhile is due at once.

        `unsure_until` is what we noted at the beginning; what others noted after us stays.
        """
        self.cursor.execute(
            "update documents set published_at = %s, attempts = 0, last_error = null,"
            " unsure_until = nullif(unsure_until, %s),"
            " next_try_at = case when revision = %s then %s else %s end where name = %s",
            (now, unsure_until, due.revision, next_at, now, due.name),
        )

    def mark_not_published(self, name: str, error: str, next_try_at: datetime) -> None:
        self.cursor.execute(
            "update documents set attempts = attempts + 1, last_error = %s, next_try_at = %s where name = %s",
            (error, next_try_at, name),
        )

    # ── keys ───────────────────────────────────────────────────────────────────────────────────────────

    def listed_keys(self) -> list[str]:
        """Every public key that may have signed, in order of listing."""
        found = self.cursor.execute("select public_key from signing_keys order by listed_at, public_key")
        return [row[0] for row in found]

    def list_keys(self, keys: Sequence[str], now: datetime) -> None:
        """List public keys in the DID document, for ever."""
        self.cursor.execute(
            "insert into signing_keys (public_key, listed_at) select key, %s from unnest(%s::text[]) as key"
            " on conflict do nothing",
            (now, list(keys)),
        )

    # ── pictures ───────────────────────────────────────────────────────────────────────────────────────

    def lock_drawing(self) -> None:
        """Wait till nobody else draws."""
        self.cursor.execute("select pg_advisory_xact_lock(hashtext('issuer/drawing'))")

    def editions(self, made_from: Collection[str]) -> dict[str, str]:
        """The edition that was made from each of these, if any."""
        found = self.cursor.execute(
            "select made_from, edition from drawings where made_from = any(%s)", (list(made_from),)
        )
        return dict(found.fetchall())

    def editions_of(self, qualification: str, year: str) -> Mapping[str, str]:
        """The editions of a class in one year, by their digest."""
        found = self.cursor.execute(
            "select digest, edition from badge_classes where qualification = %s and year = %s", (qualification, year)
        )
        return dict(found.fetchall())

    def save_class(self, each: BadgeClass, digest: str, now: datetime) -> None:
        """Keep a new edition. Its bytes never change from now on."""
        self.cursor.execute(
            "insert into badge_classes values (%s, %s, %s, %s, %b, %b, %b, %s)",
            (each.qualification, each.edition, each.year, digest, each.document, each.png, each.svg, now),
        )

    def save_drawing(self, made_from: str, qualification: str, edition: str) -> None:
        """Note what an edition is made from, so that it needn't be drawn to be known."""
        self.cursor.execute("insert into drawings values (%s, %s, %s)", (made_from, qualification, edition))

    def badge_class(self, qualification: str, edition: str) -> BadgeClass | None:
        row = self.cursor.execute(
            "select qualification, edition, document, png, svg from badge_classes"
            " where qualification = %s and edition = %s",
            (qualification, edition),
        ).fetchone()
        return None if row is None else BadgeClass(*row)

    def image(self, made_from: str) -> bytes | None:
        """The issuer's picture, if it was drawn from this."""
        row = self.cursor.execute("select png from issuer_images where made_from = %s", (made_from,)).fetchone()
        return None if row is None else bytes(row[0])

    def save_image(self, made_from: str, png: bytes, now: datetime) -> None:
        self.cursor.execute("insert into issuer_images values (%s, %b, %s)", (made_from, png, now))


Store = Database[IssuerTransaction]

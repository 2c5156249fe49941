"""The SQL of the schema `issuer`. It holds names, numbers and addresses of holders.

Locks are always taken in one order, so there are no deadlocks: rows of assertions by id, rows of documents by name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random

import msgspec

from services.issuer.domain.issuance import Assertion, StatusPlace, issued
from services.issuer.domain.publication import BadgeClassEdition, status_name
from services.issuer.domain.revocation import AssertionState, Revocation
from services.issuer.domain.selection import IssuedVersion
from services.issuer.domain.status import ROOM, draw_indexes
from shared.events import AssertionIssued
from shared.runtime.db import Database, Transaction

_announcements = msgspec.json.Decoder(AssertionIssued)


@dataclass(frozen=True)
class SignedCredential:
    """A credential's bytes, with the hash that is anchored and, for a later version, the office's reason."""

    assertion: Assertion
    credential: bytes
    leaf: str
    correction: str | None = None


@dataclass(frozen=True)
class PendingCredential:
    """A credential that waits to be put into object storage. `attempts` counts the failed ones.

    `revocation` is set when it was revoked in the meantime; `supersedes` are earlier versions, revoked when this one is
    stored.
    """

    assertion_id: str
    credential: bytes
    announcement: AssertionIssued
    attempts: int
    correction: str | None
    revocation: Revocation | None
    supersedes: tuple[str, ...]


@dataclass(frozen=True)
class DueDocument:
    """A document to publish. `attempts` counts the failed ones; `revision` is raised by each change."""

    name: str
    attempts: int
    revision: int
    next_try_at: datetime


@dataclass(frozen=True)
class _PendingRow:
    assertion_id: str
    credential: bytes
    announcement: bytes
    attempts: int
    correction: str | None
    revoked_at: datetime | None
    revocation_reason: str | None
    replaced_by: str | None
    decision_id: str | None

    def pending(self, supersedes: tuple[str, ...]) -> PendingCredential:
        revocation = None
        if self.revoked_at is not None:
            revocation = Revocation(
                assertion_id=self.assertion_id,
                reason=self.revocation_reason or "",
                revoked_at=self.revoked_at,
                replaced_by=self.replaced_by,
                decision_id=self.decision_id,
            )
        return PendingCredential(
            assertion_id=self.assertion_id,
            credential=self.credential,
            announcement=_announcements.decode(self.announcement),
            attempts=self.attempts,
            correction=self.correction,
            revocation=revocation,
            supersedes=supersedes,
        )


class IssuerTransaction(Transaction):
    # ── issue ──────────────────────────────────────────────────────────────────────────────────────────

    def newest_versions(self, registration_ids: Iterable[str]) -> dict[str, IssuedVersion]:
        """The newest version that we issued of each registration, if any."""
        found = self.cursor.execute(
            "select distinct on (registration_id) registration_id, version, assertion_id from assertions"
            " where registration_id = any(%s) order by registration_id, version desc",
            (list(set(registration_ids)),),
        )
        return {registration_id: IssuedVersion(version, id) for registration_id, version, id in found}

    def reserve(self, count: int, random: Random) -> list[StatusPlace]:
        """`count` unused bits of the current status list, in random order; they are ours when this transaction commits.

        Another process that draws one of these bits at the same moment waits for our commit, then draws another.
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
            entries = [{"status_index": index, "status_list": number} for index in drawn]
            taken += [index for (index,) in self.insert_rows("status_entries", entries, returning="status_index")]
        random.shuffle(taken)
        return [StatusPlace(number, index) for index in taken]

    def save(self, batch: Sequence[SignedCredential], now: datetime) -> None:
        """Save signed credentials, to be stored. UniqueViolation for a version of a registration that has one."""
        rows = [
            {
                "assertion_id": each.assertion.assertion_id,
                "registration_id": each.assertion.award.registration_id,
                "version": each.assertion.version,
                "corrects": each.assertion.corrects,
                "correction": each.correction,
                "cohort": each.assertion.award.cohort,
                "qualification": each.assertion.award.qualification,
                "status_list": each.assertion.status.number,
                "status_index": each.assertion.status.index,
                "leaf": each.leaf,
                "credential": each.credential,
                "announcement": msgspec.json.encode(issued(each.assertion, each.leaf)),
                "issued_at": now,
                "next_try_at": now,
            }
            for each in batch
        ]
        self.insert_rows("assertions", rows, on_conflict=None)

    # ── store ──────────────────────────────────────────────────────────────────────────────────────────

    def take_pending(self, limit: int, now: datetime) -> list[PendingCredential]:
        """Credentials that are due to be stored; no other process takes them until this transaction ends.

        A version is taken after all earlier ones are stored, and only together with locks on those that it supersedes.
        If another process holds one of these locks, the version is left for the next run: we never wait for a lock
        while we hold others.
        """
        found = self.fetch_all(
            _PendingRow,
            "select assertion_id, credential, announcement, attempts, correction,"
            " revoked_at, revocation_reason, replaced_by, decision_id from assertions"
            " where state = 'signed' and next_try_at <= %s and not exists (select from assertions as earlier"
            "  where earlier.registration_id = assertions.registration_id"
            "  and earlier.version < assertions.version and earlier.state = 'signed')"
            " order by next_try_at limit %s for update of assertions skip locked",
            (now, limit),
        )
        superseded = self._lock_superseded([row.assertion_id for row in found])
        taken = []
        for row in found:
            supersedes = superseded.get(row.assertion_id, ())
            if supersedes is not None:
                taken.append(row.pending(supersedes))
        return taken

    def _lock_superseded(self, ids: Sequence[str]) -> dict[str, tuple[str, ...] | None]:
        """The earlier versions of these that are not revoked, locked; None where another process holds one of them."""
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
        for former, id in wanted:
            before = found.get(id, ())
            found[id] = None if before is None or (former, id) not in locked else (*before, former)
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

    def states_of(self, ids: Iterable[str]) -> dict[str, AssertionState]:
        """The states of those of these assertions that we issued, locked until this transaction ends."""
        found = self.cursor.execute(
            "select assertion_id, state = 'stored', revoked_at is not null from assertions"
            " where assertion_id = any(%s) order by assertion_id for update",
            (sorted(set(ids)),),
        )
        return {id: AssertionState(stored, revoked) for id, stored, revoked in found}

    def revoke(self, batch: Sequence[Revocation], now: datetime) -> None:
        """Revoke these assertions, locked before, for ever; their status lists are due."""
        if not batch:
            return
        rows = [
            {
                "assertion_id": each.assertion_id,
                "revoked_at": each.revoked_at,
                "revocation_reason": each.reason,
                "replaced_by": each.replaced_by,
                "decision_id": each.decision_id,
            }
            for each in batch
        ]
        self.update_rows("assertions", rows, "assertion_id", where="assertions.revoked_at is null")
        lists = self.cursor.execute(
            "select distinct status_list from assertions where assertion_id = any(%s)",
            ([each.assertion_id for each in batch],),
        )
        self.make_due({status_name(number) for (number,) in lists}, now)

    def revoked_indexes(self, number: int) -> list[int]:
        """The bits of a status list that are set."""
        found = self.cursor.execute(
            "select status_index from assertions where status_list = %s and revoked_at is not null", (number,)
        )
        return [index for (index,) in found]

    # ── publish ────────────────────────────────────────────────────────────────────────────────────────

    def add_documents(self, names: Iterable[str], fingerprint: str, now: datetime) -> None:
        """Add documents, due now; those that are there already stay as they are."""
        rows = [{"name": name, "fingerprint": fingerprint, "next_try_at": now} for name in set(names)]
        self.insert_rows("documents", rows)

    def make_changed_due(self, fingerprint: str, now: datetime) -> None:
        """Make documents due that were made from other sources."""
        self.cursor.execute(
            "with changed as (select name from documents where fingerprint <> %s order by name for update)"
            " update documents set fingerprint = %s, next_try_at = %s, revision = revision + 1"
            " where name in (select name from changed)",
            (fingerprint, fingerprint, now),
        )

    def make_due(self, names: Iterable[str] | None, now: datetime) -> None:
        """Make these documents due; None: all. One that is being published now will be published once more."""
        self.cursor.execute(
            "with meant as (select name from documents where %s or name = any(%s) order by name for update)"
            " update documents set next_try_at = %s, revision = revision + 1 where name in (select name from meant)",
            (names is None, sorted(names or ()), now),
        )

    def due_documents(self, limit: int, now: datetime) -> list[str]:
        """The names of documents that are due."""
        found = self.cursor.execute(
            "select name from documents where next_try_at <= %s order by next_try_at, name limit %s", (now, limit)
        )
        return [name for (name,) in found]

    def document_names(self) -> list[str]:
        return [name for (name,) in self.cursor.execute("select name from documents order by name")]

    def begin_publishing(self, name: str, unsure_until: datetime) -> datetime | None:
        """Note that a put of this document begins; until when another process's put may take effect, if any may."""
        row = self.cursor.execute("select unsure_until from documents where name = %s for update", (name,)).fetchone()
        self.cursor.execute(
            "update documents set unsure_until = greatest(unsure_until, %s) where name = %s", (unsure_until, name)
        )
        return None if row is None else row[0]

    def lock_document(self, name: str) -> DueDocument | None:
        """Wait until no other process publishes this document, then lock it until this transaction ends.

        What is read after this is newer than anything published before. Changes of the document don't wait for us.
        """
        self.cursor.execute("select pg_advisory_xact_lock(hashtext('issuer/publish'), hashtext(%s))", (name,))
        return self.fetch_one(
            DueDocument, "select name, attempts, revision, next_try_at from documents where name = %s", (name,)
        )

    def mark_published(self, due: DueDocument, unsure_until: datetime, now: datetime, next_at: datetime) -> None:
        """The document is published as it was when we locked it; if it changed in the meantime it is due at once.

        `unsure_until` is what we noted at the beginning; what other processes noted after us stays.
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
        return [key for (key,) in found]

    def list_keys(self, keys: Sequence[str], now: datetime) -> None:
        """List public keys in the DID document, for ever."""
        self.insert_rows("signing_keys", [{"public_key": key, "listed_at": now} for key in keys])

    # ── editions of badge classes ──────────────────────────────────────────────────────────────────────

    def lock_editions(self) -> None:
        """Wait until no other process draws, then lock until this transaction ends."""
        self.cursor.execute("select pg_advisory_xact_lock(hashtext('issuer/drawing'))")

    def editions_made_from(self, made_from: Collection[str]) -> dict[str, str]:
        """The edition that was made from each of these fingerprints, if any."""
        found = self.cursor.execute(
            "select made_from, edition from drawings where made_from = any(%s)", (list(made_from),)
        )
        return dict(found.fetchall())

    def editions_by_digest(self, qualification: str, year: str) -> Mapping[str, str]:
        """Digest → edition of a badge class in one year."""
        found = self.cursor.execute(
            "select digest, edition from badge_classes where qualification = %s and year = %s", (qualification, year)
        )
        return dict(found.fetchall())

    def save_edition(self, edition: BadgeClassEdition, digest: str, now: datetime) -> None:
        """Save a new edition. Its bytes never change from now on."""
        row = {
            "qualification": edition.qualification,
            "edition": edition.edition,
            "year": edition.year,
            "digest": digest,
            "document": edition.document,
            "png": edition.png,
            "svg": edition.svg,
            "made_at": now,
        }
        self.insert_rows("badge_classes", [row], on_conflict=None)

    def save_edition_source(self, made_from: str, qualification: str, edition: str) -> None:
        """Save what an edition is made from, so that it is found without drawing it."""
        row = {"made_from": made_from, "qualification": qualification, "edition": edition}
        self.insert_rows("drawings", [row], on_conflict=None)

    def badge_class(self, qualification: str, edition: str) -> BadgeClassEdition | None:
        return self.fetch_one(
            BadgeClassEdition,
            "select qualification, edition, document, png, svg from badge_classes"
            " where qualification = %s and edition = %s",
            (qualification, edition),
        )

    def issuer_image(self, made_from: str) -> bytes | None:
        """The issuer's picture, if it was drawn from this."""
        row = self.cursor.execute("select png from issuer_images where made_from = %s", (made_from,)).fetchone()
        return None if row is None else bytes(row[0])

    def save_issuer_image(self, made_from: str, png: bytes, now: datetime) -> None:
        self.insert_rows("issuer_images", [{"made_from": made_from, "png": png, "made_at": now}], on_conflict=None)


Store = Database[IssuerTransaction]

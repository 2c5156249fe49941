"""The SQL of what the issuer publishes: documents and when they are due, keys, editions of badge classes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.issuer.domain.publication import REPUBLISH_AFTER, BadgeClassEdition
from shared.retry import SKEW, due_at, is_due_sql
from shared.runtime.db import Transaction


@dataclass(frozen=True)
class DueDocument:
    """A document to publish. `attempts` counts the failed ones; `revision` is raised by each change."""

    name: str
    attempts: int
    revision: int
    next_try_at: datetime


class DocumentTransaction(Transaction):
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
            f"select name from documents where {is_due_sql('next_try_at')} order by next_try_at, name limit %s",
            (*due_at(now, REPUBLISH_AFTER), limit),
        )
        return [name for (name,) in found]

    def document_names(self) -> list[str]:
        return [name for (name,) in self.cursor.execute("select name from documents order by name")]

    def begin_publishing(self, name: str, unsure_until: datetime) -> datetime | None:
        """Note that a put of this document begins; until when another process's put may take effect, if any may.

        Others note as much after their own beginning: what is later than ours by more than clocks differ was noted by a
        clock that was ahead, and may last as long as ours.
        """
        row = self.cursor.execute("select unsure_until from documents where name = %s for update", (name,)).fetchone()
        self.cursor.execute(
            "update documents set unsure_until = case when unsure_until > %s then %s"
            " else greatest(unsure_until, %s) end where name = %s",
            (unsure_until + SKEW, unsure_until, unsure_until, name),
        )
        others = None if row is None else row[0]
        return unsure_until if others is not None and others > unsure_until + SKEW else others

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

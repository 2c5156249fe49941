"""The renderer's table, and nobody else's. It holds ids and states, no names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from services.renderer.domain.due import DueRendering
from services.renderer.domain.failure import Failure
from shared.events import AssertionAnchored, CertificateRendered, RenderingFailed
from shared.paper_events import PaperItem, PrintSheetOrdered, PrintSheetRendered
from shared.retry import due_at, is_due_sql
from shared.runtime.db import Database, Transaction, replace
from shared.runtime.erasure import erased_among

NotDone = Literal["pending", "failed"]

MOST_PAUSE = timedelta(hours=1)
"""Between two attempts on one assertion."""


@dataclass(frozen=True)
class DoneRendering:
    """An assertion whose PDFs are in object storage, with their announced hashes; None in rows of an old release."""

    assertion_id: str
    certificate_sha256: str | None
    details_sha256: str | None
    certificate_unsigned_sha256: str | None = None  # as it was signed; None: it is not
    details_unsigned_sha256: str | None = None


@dataclass(frozen=True)
class OrderedSheet:
    """A print sheet: what is on it, each with its order and its badge, in order. `attempts` counts the failed ones."""

    sheet_id: str
    item: PaperItem
    order_ids: list[str]
    assertion_ids: list[str]
    attempts: int

    @property
    def entries(self) -> list[tuple[str, str]]:
        """Order and badge of each."""
        return list(zip(self.order_ids, self.assertion_ids, strict=True))


@dataclass(frozen=True)
class DrawnSheet:
    """A sheet that is in object storage, with its announced hash; `ordered` None: its order isn't read again yet."""

    sheet_id: str
    sha256: str
    ordered: OrderedSheet | None


_SHEET = "select sheet_id, item, order_ids, assertion_ids, attempts"
_DRAWN = f"{_SHEET}, sha256 from print_sheets where state = 'done' and sha256 is not null"
_DONE = (
    "select assertion_id, certificate_sha256, details_sha256, certificate_unsigned_sha256, details_unsigned_sha256"
    " from renderings where state = 'done'"
)


class RendererTransaction(Transaction):
    """One transaction on the renderer's schema."""

    def note_anchored(self, events: Sequence[AssertionAnchored]) -> None:
        """Step 7. These assertions wait for their PDFs. One that was noted or skipped before stays as it is."""
        now = self.now()
        rows = [{"assertion_id": event.assertion_id, "next_try_at": now, "noted_at": now} for event in events]
        self.insert_rows("renderings", rows)

    def take_back_rendered(self, events: Sequence[CertificateRendered]) -> None:
        """After a restore. Both PDFs are in object storage and announced: they are not rendered again.

        Attempts and errors before that can't be taken back.
        """
        self.insert_rows(
            "renderings",
            [
                {
                    "assertion_id": event.assertion_id,
                    "state": "done",
                    "next_try_at": event.rendered_at,
                    "noted_at": event.rendered_at,
                    "rendered_at": event.rendered_at,
                    "certificate_sha256": event.certificate_sha256,
                    "details_sha256": event.details_sha256,
                    **_unsigned(event),
                }
                for event in {event.assertion_id: event for event in events}.values()  # Kafka may hold one twice
            ],
            "(assertion_id) do update set state = 'done', rendered_at = excluded.rendered_at, last_error = null,"
            " skipped_as = null, certificate_sha256 = excluded.certificate_sha256,"
            " details_sha256 = excluded.details_sha256,"
            " certificate_unsigned_sha256 = excluded.certificate_unsigned_sha256,"
            " details_unsigned_sha256 = excluded.details_unsigned_sha256"
            " where renderings.state <> 'done' or renderings.certificate_sha256 is null",  # of a release without hashes
        )

    def take_back_failed(self, events: Sequence[RenderingFailed]) -> None:
        """After a restore. The failures that were announced: the same one is not announced again, another one is next.

        Each of these assertions is tried again at once. Idempotent, in any order with the others.
        """
        now = self.now()
        highest = {event.assertion_id: event for event in sorted(events, key=lambda event: event.revision)}
        self.insert_rows(
            "renderings",
            [
                {
                    "assertion_id": event.assertion_id,
                    "next_try_at": now,
                    "noted_at": event.failed_at,
                    "failure_revision": event.revision,
                    **_columns(Failure(event.reason, event.field, event.characters)),
                }
                for event in highest.values()
            ],
            "(assertion_id) do update set failure_revision = excluded.failure_revision,"
            " failure_reason = excluded.failure_reason, failure_field = excluded.failure_field,"
            " failure_characters = excluded.failure_characters"
            " where renderings.failure_revision < excluded.failure_revision",
        )

    def skip_revoked(self, assertion_ids: Sequence[str], now: datetime) -> int:
        """These are never rendered, whether noted or not; how many. One that is rendered already stays as it is."""
        rows = [
            {"assertion_id": id, "state": "skipped", "skipped_as": "revoked", "next_try_at": now, "noted_at": now}
            for id in dict.fromkeys(assertion_ids)
        ]
        # Waits for a tick that is rendering the row, which is done after that.
        skipped = self.insert_rows(
            "renderings",
            rows,
            "(assertion_id) do update set state = 'skipped', skipped_as = 'revoked', last_error = null"
            " where renderings.state <> 'done'",
            returning="assertion_id",
        )
        return len(skipped)

    def take_due(self, limit: int, now: datetime) -> list[DueRendering]:
        """What is due; no other process takes it until this transaction ends."""
        return self.fetch_all(
            DueRendering,
            "select assertion_id, attempts from renderings where state in ('pending', 'failed')"
            f" and {is_due_sql('next_try_at')} order by next_try_at limit %s for update skip locked",
            (*due_at(now, MOST_PAUSE), limit),
        )

    def mark_done(self, rendered: Sequence[CertificateRendered], now: datetime) -> None:
        self.update_rows(
            "renderings",
            [
                {
                    "assertion_id": event.assertion_id,
                    "state": "done",
                    "rendered_at": now,
                    "last_error": None,
                    "failure_reason": None,
                    "failure_field": None,
                    "failure_characters": None,
                    "certificate_sha256": event.certificate_sha256,
                    "details_sha256": event.details_sha256,
                    **_unsigned(event),
                }
                for event in rendered
            ],
            "assertion_id",
        )

    def mark_not_done(self, assertion_id: str, state: NotDone, cause: str, next_try_at: datetime) -> None:
        self.cursor.execute(
            "update renderings set state = %s, attempts = attempts + 1, last_error = %s, next_try_at = %s"
            " where assertion_id = %s",
            (state, cause, next_try_at, assertion_id),
        )

    def note_failure(self, assertion_id: str, failure: Failure) -> int | None:
        """Note why it can't be rendered; the number of this failure, or None if it was noted already."""
        revision: int | None = self.fetch_value(
            "update renderings set failure_revision = failure_revision + 1, failure_reason = %(failure_reason)s,"
            " failure_field = %(failure_field)s, failure_characters = %(failure_characters)s"
            " where assertion_id = %(assertion_id)s and (failure_reason, failure_field, failure_characters)"
            "  is distinct from (%(failure_reason)s::text, %(failure_field)s::text, %(failure_characters)s::text)"
            " returning failure_revision",
            {"assertion_id": assertion_id, **_columns(failure)},
        )
        return revision

    def try_failed(self, now: datetime) -> int:
        """Let what failed be tried again now; how many."""
        return self.cursor.execute("update renderings set next_try_at = %s where state = 'failed'", (now,)).rowcount

    # ── erased ─────────────────────────────────────────────────────────────────────────────────────────

    def erase_renderings(self, assertion_ids: Sequence[str], now: datetime) -> None:
        """These are never rendered, whether noted or not. Waits for a tick that is rendering one."""
        nothing = dict.fromkeys(
            (
                "last_error",
                "skipped_as",
                "failure_reason",
                "failure_field",
                "failure_characters",
                "certificate_sha256",
                "details_sha256",
                "certificate_unsigned_sha256",
                "details_unsigned_sha256",
            )
        )
        rows = [
            {"assertion_id": id, "state": "erased", "next_try_at": now, "noted_at": now, **nothing}
            for id in dict.fromkeys(assertion_ids)
        ]
        self.insert_rows("renderings", rows, replace("assertion_id", ["state", *nothing]))

    def lock_sheets_with(self, assertion_ids: Sequence[str]) -> list[str]:
        """The print sheets that have one of these, locked: what is being drawn is waited for."""
        found = self.cursor.execute(
            "select sheet_id from print_sheets where assertion_ids && %s order by sheet_id for update",
            (list(assertion_ids),),
        )
        return [id for (id,) in found]

    def draw_again(self, sheet_ids: Sequence[str], now: datetime) -> None:
        """Sheets that are drawn are due; who was erased is left out now."""
        self.cursor.execute(
            "update print_sheets set state = 'pending', attempts = 0, next_try_at = %s"
            " where sheet_id = any(%s) and state = 'done' and sha256 is not null",
            (now, list(sheet_ids)),
        )

    def is_sheet_empty(self, sheet_id: str) -> bool:
        """Whether nothing of it could be drawn, or everybody on it was erased."""
        found = "select state = 'done' and sha256 is null from print_sheets where sheet_id = %s"
        return bool(self.fetch_value(found, (sheet_id,)))

    # ── compared with object storage ───────────────────────────────────────────────────────────────────

    def done(self, after: str, limit: int) -> list[DoneRendering]:
        return self.fetch_all(
            DoneRendering, f"{_DONE} and assertion_id > %s order by assertion_id limit %s", (after, limit)
        )

    def lock_done(self, assertion_id: str) -> DoneRendering | None:
        return self.fetch_one(DoneRendering, f"{_DONE} and assertion_id = %s for update", (assertion_id,))

    def note_signed_again(self, assertion_id: str, pdf: Literal["certificate", "details"], sha256: str) -> None:
        """The stored PDF has another signature than the announced one, under the same document."""
        self.cursor.execute(f"update renderings set {pdf}_sha256 = %s where assertion_id = %s", (sha256, assertion_id))

    def known(self, assertion_ids: Sequence[str]) -> set[str]:
        """Those of these assertions that have a row, rendered or not."""
        found = self.cursor.execute(
            "select assertion_id from renderings where assertion_id = any(%s)", (list(assertion_ids),)
        )
        return {id for (id,) in found}

    # ── print sheets ──

    def note_sheets(self, events: Sequence[PrintSheetOrdered]) -> None:
        """Any time. These sheets are to be drawn; one that was drawn before a restore only gets its entries again."""
        now = self.now()
        self.insert_rows(
            "print_sheets",
            [{"sheet_id": event.sheet_id, "item": event.item, "next_try_at": now, "noted_at": now} for event in events],
        )
        for event in events:  # unnest has no arrays of arrays; the office orders a few sheets a day
            self.cursor.execute(
                "update print_sheets set order_ids = %s, assertion_ids = %s where sheet_id = %s",
                (
                    [entry.order_id for entry in event.entries],
                    [entry.assertion_id for entry in event.entries],
                    event.sheet_id,
                ),
            )
        ids = {entry.assertion_id for event in events for entry in event.entries}
        if erased := erased_among(self, ids):  # drawn before that, as far as a restored database knows
            self.draw_again(self.lock_sheets_with(list(erased)), now)

    def take_back_sheets(self, events: Sequence[PrintSheetRendered]) -> None:
        """After a restore. These sheets are drawn and announced; what is on them is read again with their orders."""
        once = {event.sheet_id: event for event in events}
        self.insert_rows(
            "print_sheets",
            [
                {
                    "sheet_id": event.sheet_id,
                    "item": event.item,
                    "state": "done",
                    "next_try_at": event.rendered_at,
                    "noted_at": event.rendered_at,
                    "sha256": event.sha256 or None,
                }
                for event in once.values()
            ],
            "(sheet_id) do update set state = 'done', sha256 = excluded.sha256, last_error = null",
        )

    def take_sheet(self, now: datetime) -> OrderedSheet | None:
        """One that is due; no other process takes it until this transaction ends."""
        return self.fetch_one(
            OrderedSheet,
            f"{_SHEET} from print_sheets where state = 'pending' and {is_due_sql('next_try_at')}"
            " order by next_try_at limit 1 for update skip locked",
            due_at(now, MOST_PAUSE),
        )

    def mark_sheet_drawn(self, event: PrintSheetRendered) -> None:
        self.cursor.execute(
            "update print_sheets set state = 'done', sha256 = %s, last_error = null where sheet_id = %s",
            (event.sha256 or None, event.sheet_id),
        )

    def postpone_sheet(self, sheet_id: str, cause: str, next_try_at: datetime) -> None:
        self.cursor.execute(
            "update print_sheets set attempts = attempts + 1, last_error = %s, next_try_at = %s where sheet_id = %s",
            (cause, next_try_at, sheet_id),
        )

    def drawn_sheets(self, after: str, limit: int) -> list[DrawnSheet]:
        return self.fetch_all(_drawn, f"{_DRAWN} and sheet_id > %s order by sheet_id limit %s", (after, limit))

    def lock_drawn_sheet(self, sheet_id: str) -> DrawnSheet | None:
        return self.fetch_one(_drawn, f"{_DRAWN} and sheet_id = %s for update", (sheet_id,))

    def known_sheets(self, sheet_ids: Sequence[str]) -> set[str]:
        found = self.cursor.execute("select sheet_id from print_sheets where sheet_id = any(%s)", (list(sheet_ids),))
        return {id for (id,) in found}

    def not_done(self) -> dict[NotDone, int]:
        """How many are pending and how many failed."""
        found = self.cursor.execute(
            "select state, count(*) from renderings where state in ('pending', 'failed') group by state"
        )
        return dict(found.fetchall())


def _drawn(*, sha256: str, **columns: Any) -> DrawnSheet:
    ordered = None if columns["order_ids"] is None else OrderedSheet(**columns)
    return DrawnSheet(columns["sheet_id"], sha256, ordered)


def _unsigned(event: CertificateRendered) -> dict[str, str | None]:
    certificate, details = event.unsigned_sha256 or (None, None)
    return {"certificate_unsigned_sha256": certificate, "details_unsigned_sha256": details}


def _columns(failure: Failure) -> dict[str, Any]:
    return {
        "failure_reason": failure.reason,
        "failure_field": failure.field,
        "failure_characters": ",".join(failure.characters),
    }


Store = Database[RendererTransaction]

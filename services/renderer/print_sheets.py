"""Print sheets of certificates and cards on paper: drawn from the stored credentials, put into object storage."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256

from services.renderer.domain.card import Card
from services.renderer.domain.failure import NotRendered
from services.renderer.handlers import Ports
from services.renderer.metrics import NOT_RENDERED, SHEETS
from services.renderer.rendering import read_certificate
from services.renderer.store import DrawnSheet, OrderedSheet, RendererTransaction
from shared import object_keys
from shared.errors import TryLater
from shared.paper_events import PrintSheetRendered
from shared.retry import next_try
from shared.runtime.erasure import erased_among
from shared.runtime.log import logger
from shared.runtime.scrub import CannotMake, Expected
from shared.runtime.scrub_record import WAITS

_THREADS = 4  # waiting for object storage

log = logger("renderer")


def draw_sheets(ports: Ports) -> int:
    """Any time. Draw a sheet that was ordered, put it into object storage, then announce it. How many sheets.

    What of it can't be drawn is left out, and named. Replicas share the work.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        ordered = tx.take_sheet(now)
        if ordered is None:
            return 0
        try:
            drawn = draw(ordered, ports, erased_among(tx, ordered.assertion_ids))
            if drawn.content:
                ports.objects.put(object_keys.print_sheet(ordered.sheet_id), drawn.content, "application/pdf")
            else:  # it may be there from before somebody was erased
                ports.objects.delete(object_keys.print_sheet(ordered.sheet_id))
        except Exception as error:  # the storage is away, or a bug: costs this sheet only
            tx.postpone_sheet(ordered.sheet_id, str(error), next_try(ordered.attempts + 1, now))
            cause = "storage-away" if isinstance(error, TryLater) else type(error).__name__
            NOT_RENDERED.labels("sheet").inc()
            log.warning("deferred", sheet_id=ordered.sheet_id, cause=cause, attempt=ordered.attempts + 1)
            return 0
        # If we die here, the sheet is stored but not announced: the next run puts the same bytes under the same key.
        event = PrintSheetRendered(
            sheet_id=ordered.sheet_id,
            item=ordered.item,
            object_key=object_keys.print_sheet(ordered.sheet_id),
            sha256=drawn.sha256,
            pages=drawn.pages,
            printed=len(ordered.order_ids) - len(drawn.left_out),
            left_out=drawn.left_out,
            rendered_at=now,
        )
        tx.mark_sheet_drawn(event)
        tx.announce(event)
    SHEETS.inc()
    log.info("rendered", sheet_id=ordered.sheet_id, pages=drawn.pages, left_out=len(drawn.left_out))
    return 1


@dataclass(frozen=True)
class Drawn:
    """The PDF; empty bytes when nothing could be drawn. `left_out`: the orders of what could not."""

    content: bytes
    pages: int
    left_out: tuple[str, ...]

    @property
    def sha256(self) -> str:
        return sha256(self.content).hexdigest() if self.content else ""


def draw(ordered: OrderedSheet, ports: Ports, erased: Collection[str]) -> Drawn:
    """The same bytes for the same credentials and fonts; without those `erased`. TryLater while the storage is away."""

    def read_card(entry: tuple[str, str]) -> Card | None:
        order_id, assertion_id = entry
        return None if assertion_id in erased else _card(order_id, assertion_id, ports)

    with ThreadPoolExecutor(_THREADS) as pool:
        read = list(pool.map(read_card, ordered.entries))
    cards = [card for card in read if card is not None]
    unread = [order_id for (order_id, _), card in zip(ordered.entries, read, strict=True) if card is None]
    if ordered.item == "card":
        content, pages, undrawn = ports.press.print_cards(cards)
    else:
        content, pages, undrawn = ports.press.print_certificates(cards)
    return Drawn(content if pages else b"", pages, tuple(sorted((*unread, *undrawn))))


def _card(order_id: str, assertion_id: str, ports: Ports) -> Card | None:
    try:
        certificate, picture, _ = read_certificate(assertion_id, ports)
    except NotRendered as error:
        reason = error.failure.reason
        log.error("failed", order_id=order_id, assertion_id=assertion_id, cause=reason, field=error.failure.field)
        return None
    return Card(order_id, certificate, picture)


@dataclass(frozen=True)
class PrintSheets:
    """`print-sheets/<id>.pdf`, for `shared/runtime/scrub.py`."""

    ports: Ports
    kind: str = "print-sheets"
    folder: str | None = object_keys.PRINT_SHEETS

    def page(self, tx: RendererTransaction, after: str, limit: int) -> Sequence[Expected]:
        return [self._expected(row, tx) for row in tx.drawn_sheets(after, limit)]

    def prepare(self, expected: Expected) -> None:
        """Nothing: the same bytes at any time."""

    def lock(self, tx: RendererTransaction, expected: Expected) -> Expected | None:
        row = tx.lock_drawn_sheet(expected.place)
        return None if row is None else self._expected(row, tx)

    def _expected(self, row: DrawnSheet, tx: RendererTransaction) -> Expected:
        erased = erased_among(tx, row.ordered.assertion_ids) if row.ordered else set()

        def make(stored: bytes | None) -> bytes:
            if row.ordered is None:
                raise CannotMake(WAITS)  # for its order, which is read again
            content = draw(row.ordered, self.ports, erased).content
            if sha256(content).hexdigest() != row.sha256:
                raise CannotMake("comes-out-otherwise")
            return content

        return Expected(
            row.sheet_id,
            object_keys.print_sheet(row.sheet_id),
            "application/pdf",
            lambda stored: sha256(stored).hexdigest() == row.sha256,
            make,
            lambda stored: bool(erased),  # no evidence is kept: it may be the sheet as it was with them
        )

    def unknown(self, tx: RendererTransaction, keys: Sequence[str]) -> Sequence[str]:
        ids = {key: key.removeprefix(object_keys.PRINT_SHEETS).removesuffix(".pdf") for key in keys}
        known = tx.known_sheets(list(ids.values()))
        return [key for key in keys if ids[key] not in known]

    def adopt(self, tx: RendererTransaction, key: str, stored: bytes) -> bool:
        """Never: a sheet is drawn when its order comes."""
        return False

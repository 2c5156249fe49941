"""What the renderer does, in order: one function a batch of events or tick. How it renders: `rendering.py`."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

from services.renderer.domain.certificate import Press
from services.renderer.domain.failure import Failure, NotRendered
from services.renderer.metrics import NOT_DONE, NOT_RENDERED, RENDERED, SKIPPED
from services.renderer.pdf.signature import CertificateEnded, Signer
from services.renderer.rendering import Pictures, Rendered, render_all
from services.renderer.store import NotDone, RendererTransaction, Store
from services.renderer.workers import Renderers, WorkerEnded
from shared.clock import Clock
from shared.errors import TryLater
from shared.events import AssertionRevoked, RenderingFailed
from shared.retry import next_try
from shared.runtime.log import logger
from shared.runtime.objects import ErasableObjects

_BATCH = 48  # assertions a run of the tick, for each process that renders
_THREADS = 4  # waiting for object storage
_RETRY_FAILED = timedelta(hours=1)  # by then fonts, programme or credential may have been corrected
_MISSING_TRIES = 3  # a picture is published a little after the first badge: then somebody has to look

log = logger("renderer")


@dataclass(frozen=True)
class Ports:
    store: Store
    objects: ErasableObjects
    press: Press
    public_url: str
    now: Clock
    pictures: Pictures = field(default_factory=Pictures)
    signer: Signer | None = None  # None: the PDFs are not signed
    renderers: Renderers | None = None  # processes that render; None: this one does


def note_revoked(events: Sequence[AssertionRevoked], ports: Ports) -> None:
    """Any time. What is revoked before it is rendered gets no PDFs, also when its AssertionAnchored comes later."""
    with ports.store.transaction() as tx:
        skipped = tx.skip_revoked([event.assertion_id for event in tx.claim(events)], ports.now())
    SKIPPED.labels("revoked").inc(skipped)


def render(ports: Ports) -> int:
    """Step 8. Print what was signed, put both PDFs into object storage, then announce them.

    What can't be printed is announced with its reason, once as long as the reason stays, and tried again. Replicas
    share the work: each takes rows that no other has taken.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        if ports.renderers is None:
            with ThreadPoolExecutor(_THREADS) as threads:
                result = render_all(tx.take_due(_BATCH, now), ports, threads)
        else:
            result = ports.renderers.render(tx.take_due(_BATCH * ports.renderers.count, now))
        # If we die here, the PDFs are stored but not announced: the next run puts the same bytes under the same keys.
        tx.mark_done(result.rendered, now)
        tx.announce(*result.rendered)
        for each, postponed in result.postponed:
            tx.mark_not_done(each.assertion_id, "pending", str(postponed), next_try(each.attempts + 1, now))
            if isinstance(postponed, NotRendered) and each.attempts + 1 >= _MISSING_TRIES:
                _announce_failure(each.assertion_id, postponed.failure, tx, ports)
        for each, failed in result.failed:
            tx.mark_not_done(each.assertion_id, "failed", str(failed), now + _RETRY_FAILED)
            _announce_failure(each.assertion_id, failed.failure, tx, ports)
        not_done = tx.not_done()
    states: tuple[NotDone, ...] = ("pending", "failed")
    for state in states:
        NOT_DONE.labels(state).set(not_done.get(state, 0))
    _report(result)
    return len(result.rendered) + len(result.failed)


def try_failed(ports: Ports) -> None:
    """At each start. What failed is tried again at once: this may be another release, with other fonts."""
    with ports.store.transaction() as tx:
        tx.try_failed(ports.now())


def _announce_failure(assertion_id: str, failure: Failure, tx: RendererTransaction, ports: Ports) -> None:
    revision = tx.note_failure(assertion_id, failure)
    if revision is not None:
        tx.announce(
            RenderingFailed(
                assertion_id=assertion_id,
                reason=failure.reason,
                revision=revision,
                failed_at=ports.now(),
                field=failure.field,
                characters=failure.characters,
            )
        )


def _report(result: Rendered) -> None:
    """Count and log. Without the errors' texts, which may quote a character of a name."""
    RENDERED.inc(len(result.rendered))
    for event in result.rendered:
        log.info("rendered", assertion_id=event.assertion_id)
    for each, later in result.postponed:
        cause = "storage-away" if isinstance(later, TryLater) else "missing-object"
        if isinstance(later, CertificateEnded):
            cause = "certificate-ended"
        if isinstance(later, WorkerEnded):
            cause = "worker-ended"
        NOT_RENDERED.labels(cause).inc()
        log.warning("deferred", assertion_id=each.assertion_id, cause=cause, attempt=each.attempts + 1)
    for each, error in result.failed:
        NOT_RENDERED.labels("unprintable").inc()
        log.error("failed", assertion_id=each.assertion_id, cause=error.failure.reason, field=error.failure.field)

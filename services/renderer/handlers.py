"""What the renderer does, in order: one function a message or tick."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Protocol

from services.renderer.domain.certificate import Press
from services.renderer.domain.facts import Certificate, certificate_of
from services.renderer.metrics import NOT_DONE, NOT_RENDERED, RENDERED, SKIPPED
from services.renderer.pdf.page import Picture, make_picture
from services.renderer.store import NotDone, Store, Waiting
from shared.clock import Clock
from shared.errors import NotFound, TryLater
from shared.events import AssertionAnchored, AssertionRevoked, CertificateRendered
from shared.retry import next_try
from shared.runtime.log import logger

_AT_ONCE = 20  # assertions a run of the tick
_MENDED = timedelta(hours=1)  # a failed one is looked at again so often: fonts or programme may have been mended
_SIDE_BY_SIDE = 4  # of them on their way to and from object storage

log = logger("renderer")


class Objects(Protocol):
    def get(self, key: str) -> bytes:
        """The object's bytes. NotFound when there is none, TryLater while the storage is away."""

    def put(self, key: str, body: bytes, content_type: str) -> None:
        """When this returns, the object is durable. TryLater while the storage is away."""


@dataclass(frozen=True)
class Ports:
    store: Store
    objects: Objects
    press: Press
    public_url: str
    now: Clock
    badges: dict[tuple[str, str], Picture] = field(default_factory=dict)  # by qualification and edition: fetched once


def note_anchored(events: Sequence[AssertionAnchored], ports: Ports) -> None:
    """Step 8. Note that an assertion's PDFs are wanted, however often its event arrives."""
    with ports.store.transaction() as tx:
        tx.note([event.assertion_id for event in tx.claim(events)], ports.now())


def note_revoked(events: Sequence[AssertionRevoked], ports: Ports) -> None:
    """Any time. What is revoked before it was rendered has no PDFs, whether or not we have heard of it itself."""
    with ports.store.transaction() as tx:
        skipped = tx.skip_revoked([event.assertion_id for event in tx.claim(events)], ports.now())
    SKIPPED.labels("revoked").inc(skipped)


def render(ports: Ports) -> int:
    """Step 8. Print what was signed, put both PDFs into object storage, then tell the others.

    Replicas share the work.
    """
    now = ports.now()
    with ports.store.transaction() as tx:
        waiting = tx.take_waiting(_AT_ONCE, now)
        outcomes = _render_all(waiting, ports)
        # If we die here, PDFs are there that nobody was told of; the next run puts the same bytes at the same place.
        tx.mark_done([each.assertion_id for each in outcomes.rendered], now)
        tx.announce(*outcomes.rendered)
        for each, postponed in outcomes.postponed:
            tx.mark_not_done(each.assertion_id, "pending", str(postponed), next_try(each.attempts + 1, now))
        for each, failed in outcomes.failed:
            tx.mark_not_done(each.assertion_id, "failed", str(failed), now + _MENDED)
        not_done = tx.not_done()
    states: tuple[NotDone, ...] = ("pending", "failed")
    for state in states:
        NOT_DONE.labels(state).set(not_done.get(state, 0))
    outcomes.say()
    return len(outcomes.rendered) + len(outcomes.failed)


@dataclass(frozen=True)
class _Outcomes:
    """Rendered; to be tried later; failed, until somebody mends what is wrong. The rest was not begun."""

    rendered: list[CertificateRendered] = field(default_factory=list)
    postponed: list[tuple[Waiting, TryLater | NotFound]] = field(default_factory=list)
    failed: list[tuple[Waiting, Exception]] = field(default_factory=list)

    def say(self) -> None:
        """Count and log, without the causes' texts: they may quote a character of a name."""
        RENDERED.inc(len(self.rendered))
        for event in self.rendered:
            log.info("rendered", assertion_id=event.assertion_id)
        for each, later in self.postponed:
            cause = "storage-away" if isinstance(later, TryLater) else "missing-object"
            NOT_RENDERED.labels(cause).inc()
            log.warning("deferred", assertion_id=each.assertion_id, cause=cause, attempt=each.attempts + 1)
        for each, error in self.failed:
            NOT_RENDERED.labels("unprintable").inc()
            log.error("failed", assertion_id=each.assertion_id, cause=type(error).__name__)


def _render_all(waiting: Sequence[Waiting], ports: Ports) -> _Outcomes:
    """After storage was away for one, no other is begun: they stay due."""
    outcomes = _Outcomes()
    away: list[TryLater] = []

    def work(each: Waiting) -> None:
        if away:
            return
        try:
            outcomes.rendered.append(_render(each.assertion_id, ports))
        except TryLater as error:
            away.append(error)
            outcomes.postponed.append((each, error))
        except NotFound as error:
            outcomes.postponed.append((each, error))
        except Exception as error:  # MissingGlyph, Unreadable, or a bug: this document's own; the others go on
            outcomes.failed.append((each, error))

    if waiting:
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            list(pool.map(work, waiting))
    return outcomes


def _render(assertion_id: str, ports: Ports) -> CertificateRendered:
    credential = ports.objects.get(f"credentials/{assertion_id}.json")
    certificate = certificate_of(credential, assertion_id, ports.public_url)
    printed = ports.press.print(certificate, _badge(certificate, ports), credential)
    keys = [f"certificates/{assertion_id}/{name}.pdf" for name in ("certificate", "details")]
    for key, body in zip(keys, (printed.certificate, printed.details), strict=True):
        ports.objects.put(key, body, "application/pdf")
    return CertificateRendered(
        assertion_id=assertion_id,
        certificate_key=keys[0],
        certificate_sha256=sha256(printed.certificate).hexdigest(),
        details_key=keys[1],
        details_sha256=sha256(printed.details).hexdigest(),
        rendered_at=ports.now(),
    )


def _badge(certificate: Certificate, ports: Ports) -> Picture:
    """The badge class's picture, fetched once a process."""
    wanted = (certificate.qualification, certificate.edition)
    if wanted not in ports.badges:
        ports.badges[wanted] = make_picture(ports.objects.get(f"badges/{wanted[0]}/{wanted[1]}.png"))
    return ports.badges[wanted]

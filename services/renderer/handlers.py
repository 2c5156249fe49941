"""What the renderer does, in order: one function a batch of events or tick."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from services.renderer.domain.certificate import Press, Printed
from services.renderer.domain.facts import Certificate, certificate_of
from services.renderer.domain.failure import Failure, NotRendered, unprintable
from services.renderer.metrics import NOT_DONE, NOT_RENDERED, RENDERED, SKIPPED
from services.renderer.pdf.picture import RasterPicture, make_picture
from services.renderer.pdf.signature import CertificateEnded, Signer
from services.renderer.pdf.typeface import MissingGlyph
from services.renderer.store import DueRendering, NotDone, RendererTransaction, Store
from shared import object_keys
from shared.clock import Clock
from shared.errors import NotFound, TryLater, Unreadable
from shared.events import AssertionRevoked, CertificateRendered, RenderingFailed
from shared.retry import next_try
from shared.runtime.log import logger
from shared.runtime.objects import ListedObjects

_BATCH = 20  # assertions a run of the tick
_RETRY_FAILED = timedelta(hours=1)  # by then fonts, programme or credential may have been corrected
_MISSING_TRIES = 3  # a picture is published a little after the first badge: then somebody has to look
_THREADS = 4  # waiting for object storage

log = logger("renderer")


@dataclass(frozen=True)
class Ports:
    store: Store
    objects: ListedObjects
    press: Press
    public_url: str
    now: Clock
    pictures: dict[tuple[str, str], RasterPicture] = field(default_factory=dict)  # by qualification and edition
    signer: Signer | None = None  # None: the PDFs are not signed


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
        due = tx.take_due(_BATCH, now)
        result = _render_all(due, ports)
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


@dataclass(frozen=True)
class _TickResult:
    """What became of the assertions of one run. Those in none of the lists were not begun and stay due."""

    rendered: list[CertificateRendered] = field(default_factory=list)
    postponed: list[tuple[DueRendering, TryLater | NotRendered]] = field(default_factory=list)  # tried again soon
    failed: list[tuple[DueRendering, NotRendered]] = field(default_factory=list)  # somebody has to correct something


def _report(result: _TickResult) -> None:
    """Count and log. Without the errors' texts, which may quote a character of a name."""
    RENDERED.inc(len(result.rendered))
    for event in result.rendered:
        log.info("rendered", assertion_id=event.assertion_id)
    for each, later in result.postponed:
        cause = "storage-away" if isinstance(later, TryLater) else "missing-object"
        if isinstance(later, CertificateEnded):
            cause = "certificate-ended"
        NOT_RENDERED.labels(cause).inc()
        log.warning("deferred", assertion_id=each.assertion_id, cause=cause, attempt=each.attempts + 1)
    for each, error in result.failed:
        NOT_RENDERED.labels("unprintable").inc()
        log.error("failed", assertion_id=each.assertion_id, cause=error.failure.reason, field=error.failure.field)


def _render_all(due: Sequence[DueRendering], ports: Ports) -> _TickResult:
    """Once the storage was away for one, no other is begun."""
    result = _TickResult()
    away: list[TryLater] = []

    def work(each: DueRendering) -> None:
        if away:
            return
        try:
            result.rendered.append(_render(each.assertion_id, ports))
        except TryLater as error:
            away.append(error)
            result.postponed.append((each, error))
        except NotRendered as error:
            (result.postponed if error.failure.reason == "missing-object" else result.failed).append((each, error))
        except Exception as error:  # a bug: costs this document only
            result.failed.append((each, NotRendered(Failure("layout"), f"{type(error).__name__}: {error}")))

    if due:
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(work, due))
    return result


def _render(assertion_id: str, ports: Ports) -> CertificateRendered:
    plain = printed(assertion_id, ports)
    pdfs = plain if ports.signer is None else signed(plain, ports.signer)
    certificate_key, details_key = object_keys.certificate(assertion_id), object_keys.details(assertion_id)
    ports.objects.put(certificate_key, pdfs.certificate, "application/pdf")
    ports.objects.put(details_key, pdfs.details, "application/pdf")
    return CertificateRendered(
        assertion_id=assertion_id,
        certificate_key=certificate_key,
        certificate_sha256=sha256(pdfs.certificate).hexdigest(),
        details_key=details_key,
        details_sha256=sha256(pdfs.details).hexdigest(),
        rendered_at=ports.now(),
        unsigned_sha256=None
        if pdfs is plain
        else (sha256(plain.certificate).hexdigest(), sha256(plain.details).hexdigest()),
    )


def signed(plain: Printed, signer: Signer) -> Printed:
    """Both with a signature. By the real time, whatever the clock of the programme says: a signature is no fiction."""
    now = datetime.now(UTC)
    return Printed(signer.sign(plain.certificate, now), signer.sign(plain.details, now))


def printed(assertion_id: str, ports: Ports) -> Printed:
    """Both PDFs of what the credential in object storage says: the same bytes for the same credential and fonts.

    NotRendered, with its reason, for what can't be printed.
    """
    certificate, picture, credential = read_certificate(assertion_id, ports)
    try:
        return ports.press.print(certificate, picture, credential)
    except MissingGlyph as error:
        raise NotRendered(unprintable(certificate, ports.press.missing_glyphs), error) from error


def read_certificate(assertion_id: str, ports: Ports) -> tuple[Certificate, RasterPicture, bytes]:
    """What the credential in object storage says, the picture of its badge class, and the credential itself.

    NotRendered, with its reason, when one of them is missing or can't be read.
    """
    credential = _object(object_keys.credential(assertion_id), "credential", ports)
    try:
        certificate = certificate_of(credential, assertion_id, ports.public_url)
    except Unreadable as error:
        raise NotRendered(Failure("unreadable-object", "credential"), error) from error
    if not ports.press.knows(certificate.qualification):
        raise NotRendered(Failure("unknown-qualification", "qualification"), certificate.qualification)
    return certificate, _picture(certificate, ports), credential


def _picture(certificate: Certificate, ports: Ports) -> RasterPicture:
    """The badge class's picture, fetched once a process."""
    badge_class = (certificate.qualification, certificate.edition)
    if badge_class not in ports.pictures:
        content = _object(object_keys.badge_file(*badge_class, "png"), "picture", ports)
        try:
            ports.pictures[badge_class] = make_picture(content)
        except Exception as error:  # whatever a decoder says of bytes that are no picture
            raise NotRendered(Failure("unreadable-object", "picture"), error) from error
    return ports.pictures[badge_class]


def _object(key: str, what: str, ports: Ports) -> bytes:
    try:
        return ports.objects.get(key)
    except NotFound as error:
        raise NotRendered(Failure("missing-object", what), error) from error

"""Rendering assertions: credential and picture out of object storage, both PDFs into it. No database.

Used by the ticks and, where there are several cores, by the processes of `workers.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from threading import Lock
from typing import Protocol

from services.renderer.domain.certificate import Press, Printed
from services.renderer.domain.due import DueRendering
from services.renderer.domain.facts import Certificate, certificate_of
from services.renderer.domain.failure import Failure, NotRendered, unprintable
from services.renderer.pdf.picture import Picture, make_picture
from services.renderer.pdf.qr import qr_modules, qr_text
from services.renderer.pdf.signature import Signer
from services.renderer.pdf.typeface import MissingGlyph
from services.renderer.pdf.vector_picture import read_svg
from shared import object_keys
from shared.clock import Clock
from shared.errors import NotFound, TryLater, Unreadable
from shared.events import CertificateRendered
from shared.runtime.objects import ObjectStorage


@dataclass(frozen=True)
class Pictures:
    """The pictures of badge classes by qualification and edition. Thread-safe: each is fetched and decoded once, also
    by threads that begin together; a template of a page is made for one picture."""

    known: dict[tuple[str, str], Picture] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def of(self, badge_class: tuple[str, str], make: Callable[[], Picture]) -> Picture:
        with self.lock:
            found = self.known.get(badge_class)
            if found is None:
                found = self.known[badge_class] = make()
            return found


class Means(Protocol):
    """What rendering needs."""

    @property
    def objects(self) -> ObjectStorage: ...
    @property
    def press(self) -> Press: ...
    @property
    def public_url(self) -> str: ...
    @property
    def now(self) -> Clock: ...
    @property
    def pictures(self) -> Pictures: ...
    @property
    def signer(self) -> Signer | None:
        """None: the PDFs are not signed."""
        ...


@dataclass(frozen=True)
class WorkerMeans:
    """The means of a worker."""

    objects: ObjectStorage
    press: Press
    public_url: str
    now: Clock
    signer: Signer | None
    pictures: Pictures = field(default_factory=Pictures)


@dataclass(frozen=True)
class Rendered:
    """What became of some assertions. Those in none of the lists were not begun and stay due."""

    rendered: list[CertificateRendered] = field(default_factory=list)
    postponed: list[tuple[DueRendering, TryLater | NotRendered]] = field(default_factory=list)  # tried again soon
    failed: list[tuple[DueRendering, NotRendered]] = field(default_factory=list)  # somebody has to correct something

    calls: Counter[str] = field(default_factory=Counter)  # of object storage, by operation, in another process

    def add(self, other: Rendered) -> None:
        self.rendered.extend(other.rendered)
        self.postponed.extend(other.postponed)
        self.failed.extend(other.failed)
        self.calls.update(other.calls)


def prepare_codes(public_url: str) -> None:
    """Make what the first QR code of a process takes a third of a second for."""
    qr_modules(qr_text(f"{public_url}/V/{'A' * 26}"))


def render_all(due: Sequence[DueRendering], means: Means, threads: Executor) -> Rendered:
    """Once the storage was away for one, no other is begun."""
    result = Rendered()
    away: list[TryLater] = []

    def work(each: DueRendering) -> None:
        if away:
            return
        try:
            result.rendered.append(_render(each.assertion_id, means))
        except TryLater as error:
            away.append(error)
            result.postponed.append((each, error))
        except NotRendered as error:
            (result.postponed if error.failure.reason == "missing-object" else result.failed).append((each, error))
        except Exception as error:  # a bug: costs this document only
            result.failed.append((each, NotRendered(Failure("layout"), f"{type(error).__name__}: {error}")))

    list(threads.map(work, due))
    return result


def _render(assertion_id: str, means: Means) -> CertificateRendered:
    plain = printed(assertion_id, means)
    pdfs = plain if means.signer is None else signed(plain, means.signer)
    certificate_key, details_key = object_keys.certificate(assertion_id), object_keys.details(assertion_id)
    means.objects.put(certificate_key, pdfs.certificate, "application/pdf")
    means.objects.put(details_key, pdfs.details, "application/pdf")
    return CertificateRendered(
        assertion_id=assertion_id,
        certificate_key=certificate_key,
        certificate_sha256=pdfs.certificate_sha256,
        details_key=details_key,
        details_sha256=pdfs.details_sha256,
        rendered_at=means.now(),
        unsigned_sha256=None if pdfs is plain else (plain.certificate_sha256, plain.details_sha256),
    )


def signed(plain: Printed, signer: Signer) -> Printed:
    """Both with a signature. By the real time, whatever the clock of the programme says: a signature is no fiction."""
    now = datetime.now(UTC)
    both = signer.sign(plain.certificate, now), signer.sign(plain.details, now)
    return Printed(*both, *(sha256(each).hexdigest() for each in both))


def printed(assertion_id: str, means: Means) -> Printed:
    """Both PDFs of what the credential in object storage says: the same bytes for the same credential and fonts.

    NotRendered, with its reason, for what can't be printed.
    """
    certificate, picture, credential = read_certificate(assertion_id, means)
    try:
        return means.press.print(certificate, picture, credential)
    except MissingGlyph as error:
        raise NotRendered(unprintable(certificate, means.press.missing_glyphs), error) from error


def read_certificate(assertion_id: str, means: Means) -> tuple[Certificate, Picture, bytes]:
    """What the credential in object storage says, the picture of its badge class, and the credential itself.

    NotRendered, with its reason, when one of them is missing or can't be read.
    """
    credential = _object(object_keys.credential(assertion_id), "credential", means)
    try:
        certificate = certificate_of(credential, assertion_id, means.public_url)
    except Unreadable as error:
        raise NotRendered(Failure("unreadable-object", "credential"), error) from error
    if not means.press.knows(certificate.qualification):
        raise NotRendered(Failure("unknown-qualification", "qualification"), certificate.qualification)
    return certificate, _picture(certificate, means), credential


def _picture(certificate: Certificate, means: Means) -> Picture:
    """The badge class's picture, fetched once a process: the shapes of its SVG; its pixels if that is none of ours.

    Either is waited for: whatever storage lacks for a while, the same credential gives the same bytes.
    """
    badge_class = (certificate.qualification, certificate.edition)

    def make() -> Picture:
        with suppress(ValueError):
            return read_svg(_object(object_keys.badge_file(*badge_class, "svg"), "picture", means))
        content = _object(object_keys.badge_file(*badge_class, "png"), "picture", means)
        try:
            return make_picture(content)
        except Exception as error:  # whatever a decoder says of bytes that are no picture
            raise NotRendered(Failure("unreadable-object", "picture"), error) from error

    return means.pictures.of(badge_class, make)


def _object(key: str, what: str, means: Means) -> bytes:
    try:
        return means.objects.get(key)
    except NotFound as error:
        raise NotRendered(Failure("missing-object", what), error) from error

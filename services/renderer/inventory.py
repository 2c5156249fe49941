"""What the renderer's table says of object storage: both PDFs of each assertion, with their announced hashes.

Compared and made again by `shared/runtime/scrub.py`. A PDF that comes out otherwise, with other fonts or of another
release, is never put in place of the one that was announced. One that is signed gets a new signature, if the document
under it comes out as it was.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal, NamedTuple

from services.renderer.domain.failure import NotRendered
from services.renderer.handlers import Ports
from services.renderer.rendering import printed
from services.renderer.store import DoneRendering, RendererTransaction
from shared import object_keys
from shared.credentials.merkle_proof import CRYPTOSUITE
from shared.errors import NotFound
from shared.runtime.scrub import CannotMake, Expected
from shared.runtime.scrub_record import WAITS

_OF_THE_ISSUER = ("missing-object", "unreadable-object")
"""Why a PDF can't be printed until the issuer has made the credential or the picture again."""

_PDF = re.compile(rf"{object_keys.CERTIFICATES}({object_keys.ASSERTION_ID})/(?:certificate|details)\.pdf")


class _Pdf(NamedTuple):
    assertion_id: str
    name: Literal["certificate", "details"]
    key: str


@dataclass(frozen=True)
class Certificates:
    """`certificates/<id>/certificate.pdf` and `details.pdf`."""

    ports: Ports
    kind: str = "certificates"
    folder: str | None = object_keys.CERTIFICATES

    def page(self, tx: RendererTransaction, after: str, limit: int) -> Sequence[Expected]:
        return [each for row in tx.done(after, limit) for each in self._expected(tx, row)]

    def prepare(self, expected: Expected) -> None:
        """Nothing: the same document at any time."""

    def lock(self, tx: RendererTransaction, expected: Expected) -> Expected | None:
        row = tx.lock_done(expected.place)
        return None if row is None else next(each for each in self._expected(tx, row) if each.key == expected.key)

    def _expected(self, tx: RendererTransaction, row: DoneRendering) -> Sequence[Expected]:
        id = row.assertion_id
        return [
            self._pdf(
                tx,
                _Pdf(id, "certificate", object_keys.certificate(id)),
                row.certificate_sha256,
                row.certificate_unsigned_sha256,
            ),
            self._pdf(
                tx, _Pdf(id, "details", object_keys.details(id)), row.details_sha256, row.details_unsigned_sha256
            ),
        ]

    def _pdf(self, tx: RendererTransaction, pdf: _Pdf, stored_as: str | None, unsigned: str | None) -> Expected:
        """`unsigned` is the hash of a document that is stored with a signature."""

        def is_intact(stored: bytes) -> bool:
            return sha256(stored).hexdigest() == stored_as if stored_as else stored.startswith(b"%PDF-")

        def make(stored: bytes | None) -> bytes:
            try:
                both = printed(pdf.assertion_id, self.ports)
                is_anchored = CRYPTOSUITE.encode() in self.ports.objects.get(object_keys.credential(pdf.assertion_id))
            except NotRendered as error:
                raise CannotMake(WAITS if error.failure.reason in _OF_THE_ISSUER else "comes-out-otherwise") from error
            except NotFound as error:
                raise CannotMake(WAITS) from error
            if pdf.name == "certificate":
                body, made_as = both.certificate, both.certificate_sha256
            else:
                body, made_as = both.details, both.details_sha256
            if made_as != (unsigned or stored_as):
                raise CannotMake("comes-out-otherwise" if is_anchored else WAITS)
            if unsigned is None:
                return body
            if self.ports.signer is None:
                raise CannotMake("comes-out-otherwise")
            body = self.ports.signer.sign(body, datetime.now(UTC))
            tx.note_signed_again(pdf.assertion_id, pdf.name, sha256(body).hexdigest())
            return body

        return Expected(pdf.assertion_id, pdf.key, "application/pdf", is_intact, make)

    def unknown(self, tx: RendererTransaction, keys: Sequence[str]) -> Sequence[str]:
        ids = {key: found[1] for key in keys if (found := _PDF.fullmatch(key))}
        known = tx.known(list(set(ids.values())))
        return [key for key in keys if ids.get(key) not in known]

    def adopt(self, tx: RendererTransaction, key: str, stored: bytes) -> bool:
        """Never: the PDFs of an assertion that is anchored are made by `render`, and announced."""
        return False

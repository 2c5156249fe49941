"""Signs assertions: by template, and a sample of them a second time by the full algorithm."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from random import Random

import msgspec

from services.issuer.domain.credential import Shape, Values, document_of, values_of
from services.issuer.domain.issuance import Assertion, Issuer
from services.issuer.domain.soundness import refuse_unsound
from services.issuer.signing.keys import SigningKey
from services.issuer.signing.statements import NeedsFullAlgorithm
from services.issuer.signing.template import Sealed, Template, placeholder
from shared.credentials.credential import proof_time
from shared.errors import TryLater

_CHECKED = 0.01  # the share of template signatures that is checked
_MAX_TEMPLATES = 64  # one per shape; a programme has eight shapes per badge class


class StopSigning(TryLater):
    """Template and full algorithm made different credentials of one award: a bug in this release; sign nothing more.

    A TryLater, so that the batch waits for a corrected release instead of going to the dead-letter topic.
    """


class Signer:
    """Signs assertions by template, thousands a second, in constant memory.

    The first of each shape, and a random one in a hundred of the others, are signed a second time by the full algorithm
    (`SigningKey.sign_with_leaf`); both results must be the same bytes.
    """

    def __init__(self, issuer: Issuer, key: SigningKey, secret: bytes, random: Random) -> None:
        self._issuer = issuer
        self._key = key
        self._secret = secret
        self._random = random
        self._templates: OrderedDict[Shape, Template] = OrderedDict()  # least recently used first
        self.checked = 0
        self.in_full = 0  # how many no template could sign

    def sign(self, assertion: Assertion, created: datetime) -> Sealed:
        """The signed credential as JSON, and the hash that is anchored; the same for the same arguments.

        DoNotSign, naming the field, for what must not be signed; StopSigning when the two algorithms disagree. In both
        cases no signed credential is returned.
        """
        refuse_unsound(assertion, self._issuer.programme)
        shape = Shape.of(assertion)
        values = values_of(assertion, self._issuer, secret=self._secret)
        template = self._templates.get(shape)
        is_first = template is None
        if template is None:
            template = self._template_of(shape)
        else:
            self._templates.move_to_end(shape)
        try:
            texts = [text for text in values if text is not None]
            sealed = template.seal(texts, self._key.private, proof_time(created))
        except NeedsFullAlgorithm:
            self.in_full += 1
            return self._in_full(shape, values, created)
        if is_first or self._random.random() < _CHECKED:
            expected = self._in_full(shape, values, created)
            if sealed != expected:
                raise StopSigning(
                    f"{assertion.assertion_id}: got leaf {sealed.leaf} by the template of {shape}, "
                    f"expected {expected.leaf} as the full algorithm makes it; go back to the version before"
                )
            self.checked += 1
        if is_first:
            self._keep(shape, template)
        return sealed

    def _template_of(self, shape: Shape) -> Template:
        given = {
            "renewed": shape.is_renewal,
            "corrected": shape.is_correction,
            "latin_name": shape.has_latin_name,
        }
        names = [name for name in Values._fields if given.get(name, True)]
        values = Values._make(placeholder(name) if name in names else None for name in Values._fields)
        document = document_of(shape, values, self._issuer)
        return Template(document, names, verification_method=self._key.verification_method)

    def _keep(self, shape: Shape, template: Template) -> None:
        self._templates[shape] = template
        if len(self._templates) > _MAX_TEMPLATES:
            self._templates.popitem(last=False)

    def _in_full(self, shape: Shape, values: Values, created: datetime) -> Sealed:
        document, leaf = self._key.sign_with_leaf(document_of(shape, values, self._issuer), created)
        return Sealed(msgspec.json.encode(document), leaf)

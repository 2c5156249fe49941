"""Many credentials of one shape, signed without an RDF parser for each: the exact canonical form by template. Pure.

The shape is read once, with a placeholder for each text that differs. Per credential the texts are put into the
statements, every unnamed node that they touch is hashed anew, the nodes are labelled in the order of their hashes and
the lines put in order. That is RDFC-1.0 itself: to replace texts within a finished canonical form would be wrong, since
labels follow hashes. Where two hashes are equal the algorithm goes on; that is left to the full one.

Source: W3C RDF Dataset Canonicalization 1.0, sections 4.4.3 (the algorithm), 4.6.3 (a node's hash: of the statements in
which it is `_:a` and others are `_:z`) and 5 (how a statement is written); Data Integrity EdDSA Cryptosuites 1.0, 3.2.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.issuer.blocks import END, OTHER, SELF, NeedsFullAlgorithm, Node, blocks_of, lines
from shared.credential import Document, DoNotSign, covered_by, proof_options, text_problem
from shared.multibase import base58

CREATED = "created"
PROOF_VALUE = "proofValue"

_PLACEHOLDER = "urn:akashi:placeholder:"
_IRI = re.compile(r"https?://[A-Za-z0-9._~:/?@!$&'()*+,;=-]+(#[A-Za-z0-9._~:/?@!$&'()*+,;=-]*)?")
_MOST_LAYOUTS = 64  # kept; two or three are in use: which URL comes before which

_Filled = Sequence[list[bytes]]  # pieces of each block
_Ranked = list[tuple[bytes, int]]  # hash of a node, its number
_Layout = list[bytes | int]  # lines that never change, or a block


class Sealed(NamedTuple):
    """A signed credential: its JSON, and the hex hash that is anchored."""

    body: bytes
    leaf: str


def placeholder(name: str) -> str:
    """What stands in a template's document where the text called `name` goes."""
    return f"{_PLACEHOLDER}{name}:"


def _name_in(text: str) -> str:
    return text.removeprefix(_PLACEHOLDER).removesuffix(":")


class Template:
    """Signs all credentials of one shape.

    `document` has `placeholder(name)` as the whole of a text for each of `names`. DoNotSign, naming the field, for a
    document that must not be signed (a property in no context, say) or a placeholder that would not be.
    """

    def __init__(self, document: Document, names: Sequence[str], *, verification_method: str) -> None:
        slots = {placeholder(name): slot for slot, name in enumerate((*names, CREATED, PROOF_VALUE))}
        options = proof_options(verification_method, placeholder(CREATED))
        proof = {**options, "proofValue": placeholder(PROOF_VALUE)}
        covered = covered_by(document, options)
        self._names = tuple(names)
        self._body = _Body(msgspec.json.encode({**document, "proof": [proof]}), slots)
        (self._options,), _ = blocks_of(covered.options, slots)
        self._blocks, self._nodes = blocks_of(
            [*covered.document, *covered.proof(document["id"], proof["proofValue"])], slots
        )
        self._iris = self._slots_of_iris(slots)
        self._named = sorted((block.subject, place) for place, block in enumerate(self._blocks) if block.subject)
        self._known = frozenset(subject for subject, _ in self._named)
        self._opened = [(place, block.slot) for place, block in enumerate(self._blocks) if block.slot is not None]
        self._varying = [place for place, block in enumerate(self._blocks) if block.holes]
        self._unfilled = [block.pieces for block in self._blocks]
        self._layouts: dict[tuple[tuple[int, int], ...], _Layout] = {}

        graph = next(number for number, node in enumerate(self._nodes) if node.graph is not None)
        self._proof = self._nodes[graph].graph or 0  # the block of what is said in it
        self._of_proof = [number for number in (graph, self._blocks[self._proof].node) if number is not None]
        self._secured = self._nodes[graph].mentioned_in  # the block with the link to the proof …
        self._link = next(
            link.position for block in self._blocks for link in block.links if link.node == graph
        )  # … and where in it
        of_document = [number for number in range(len(self._nodes)) if number not in self._of_proof]
        self._hashed = [number for number in of_document if not self._is_fixed(self._nodes[number])]
        self._fixed: _Ranked = [
            (self._hash(self._nodes[number], self._unfilled, []), number)
            for number in of_document
            if number not in self._hashed
        ]
        self._labels = [f"_:c14n{rank}".encode() for rank in range(len(self._nodes))]
        self._in_print = sorted(range(len(self._nodes)), key=lambda rank: self._labels[rank] + b" ")

    # ── per credential ─────────────────────────────────────────────────────────────────────────────────

    def seal(self, values: Sequence[str], key: Ed25519PrivateKey, created: str) -> Sealed:
        """The signed credential with these texts, in the order of the names. `created` is a `proof_time`.

        Byte for byte what `sign_with_leaf` and JSON encoding make of the filled document. DoNotSign, naming the text,
        for what must not be signed; NeedsFullAlgorithm where a template can't tell.
        """
        texts = [*self._encoded(values), created.encode(), b""]
        subjects = [block.subject for block in self._blocks]
        movers = []
        for place, slot in self._opened:
            subject = subjects[place] = b"<" + texts[slot] + b">"
            movers.append((subject, place))
        layout = self._layout(movers)
        filled = self._unfilled.copy()
        for place in self._varying:
            filled[place] = self._blocks[place].filled(texts)
        ranked = self._fixed.copy()
        for number in self._hashed:
            ranked.append((self._hash(self._nodes[number], filled, subjects), number))
        document = self._canonical(ranked, layout, filled, subjects, secured=False)
        options = lines(b"_:c14n0", self._options.filled(texts))
        value = base58(key.sign(sha256(options).digest() + sha256(document).digest()))
        texts[-1] = value.encode()
        filled[self._proof] = self._blocks[self._proof].filled(texts)
        for number in self._of_proof:
            ranked.append((self._hash(self._nodes[number], filled, subjects), number))
        whole = self._canonical(ranked, layout, filled, subjects, secured=True)
        return Sealed(self._body.filled(texts), sha256(whole).hexdigest())

    def _encoded(self, values: Sequence[str]) -> list[bytes]:
        """The texts as both N-Quads and JSON write them: without control characters they escape alike."""
        if len(values) != len(self._names):
            raise ValueError(f"got {len(values)} texts, expected {len(self._names)}")
        together = "".join(values)
        if not together.isprintable() or "{" in together or "}" in together:
            for name, value in zip(self._names, values, strict=True):
                problem = text_problem(value)
                if problem:
                    raise DoNotSign(f"{name}: {problem}")
        for slot in self._iris:
            if not _IRI.fullmatch(values[slot]):
                raise DoNotSign(f"{self._names[slot]}: got {values[slot]!r}, expected a URL in plain ASCII")
        if '"' in together or "\\" in together:
            return [value.replace("\\", "\\\\").replace('"', '\\"').encode() for value in values]
        return [value.encode() for value in values]

    def _hash(self, node: Node, filled: _Filled, subjects: Sequence[bytes | None]) -> bytes:
        """SHA-256 over the node's statements in order: an IRI's first, its own next, other nodes' last."""
        text = b""
        if node.own is not None:
            text = lines(SELF, filled[node.own], END if self._blocks[node.own].graph is None else b" _:z .\n")
        if node.graph is not None:
            text = lines(OTHER, filled[node.graph], b" _:a .\n")
        if node.mentioned_in is not None:
            mentioning = self._blocks[node.mentioned_in]
            if mentioning.node is None:
                subject = mentioning.subject or subjects[node.mentioned_in] or b""
                text = lines(subject, [node.mention + SELF]) + text
            else:
                text += lines(OTHER, [node.mention + SELF])
        return sha256(text).digest()

    def _canonical(
        self, ranked: _Ranked, layout: _Layout, filled: _Filled, subjects: Sequence[bytes | None], *, secured: bool
    ) -> bytes:
        """The canonical form, of the document alone or with its proof (`secured`)."""
        ranked.sort()
        labels = [b""] * len(self._nodes)
        before = b""
        order = []
        for (digest, number), label in zip(ranked, self._labels, strict=False):
            if digest == before:
                raise NeedsFullAlgorithm
            before = digest
            labels[number] = label
            order.append(self._nodes[number].own)
        parts: list[bytes] = []
        for item in layout:
            if isinstance(item, bytes):
                parts.append(item)
                continue
            pieces = self._blocks[item].labelled(filled[item], labels)
            if item == self._secured and not secured:
                pieces = pieces[: self._link] + pieces[self._link + 1 :]
            parts.append(lines(subjects[item] or b"", pieces))
        if len(order) > 10:
            order = [order[rank] for rank in self._in_print if rank < len(order)]
        for place in order:
            if place is not None:
                block = self._blocks[place]
                end = END if block.graph is None else b" " + labels[block.graph] + END
                parts.append(lines(labels[block.node or 0], block.labelled(filled[place], labels), end))
        return b"".join(parts)

    def _layout(self, movers: list[tuple[bytes, int]]) -> _Layout:
        """Blocks of IRIs in order, those that never change as lines. `movers` have a subject that was filled in."""
        subjects = {subject for subject, _ in movers}
        if len(subjects) < len(movers) or not self._known.isdisjoint(subjects):
            raise NeedsFullAlgorithm
        movers.sort()
        key = tuple((bisect_left(self._named, mover), mover[1]) for mover in movers)
        found = self._layouts.get(key)
        if found is None:
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._layouts.clear()
            found = self._layouts[key] = self._laid_out(key)
        return found

    # ── once ───────────────────────────────────────────────────────────────────────────────────────────

    def _laid_out(self, movers: tuple[tuple[int, int], ...]) -> _Layout:
        """`movers`: before which of the named blocks, which block."""
        layout: _Layout = []
        for position in range(len(self._named) + 1):
            layout.extend(place for before, place in movers if before == position)
            if position < len(self._named):
                subject, place = self._named[position]
                block = self._blocks[place]
                fixed = lines(subject, block.pieces) if block.is_fixed else None
                last = layout[-1] if layout else None
                if fixed is None:
                    layout.append(place)
                elif isinstance(last, bytes):
                    layout[-1] = last + fixed
                else:
                    layout.append(fixed)
        return layout

    def _is_fixed(self, node: Node) -> bool:
        """Whether the node's hash is the same for every text."""
        mentioning = None if node.mentioned_in is None else self._blocks[node.mentioned_in]
        own_is_fixed = node.own is None or not self._blocks[node.own].holes
        return own_is_fixed and (mentioning is None or mentioning.slot is None)

    def _slots_of_iris(self, slots: Mapping[str, int]) -> list[int]:
        """The texts that are URLs. DoNotSign when there is one that is not in the statements at all."""
        every = [hole for block in (*self._blocks, self._options) for hole in block.holes]
        subjects = {block.slot for block in self._blocks if block.slot is not None}
        for text, slot in slots.items():
            if slot not in subjects and all(hole.slot != slot for hole in every):
                raise DoNotSign(f"{_name_in(text)}: got a text that would not be signed")
        return sorted(subjects | {hole.slot for hole in every if hole.before.endswith(b"<")})


class _Body:
    """The JSON of a document between the texts that are filled in."""

    def __init__(self, encoded: bytes, slots: Mapping[str, int]) -> None:
        parts = re.split(f'(?<=")({re.escape(_PLACEHOLDER)}[^":]*:)(?=")', encoded.decode())
        for text in slots:
            if encoded.count(text.encode()) != parts[1::2].count(text) or text not in parts:
                raise DoNotSign(f"{_name_in(text)}: got it within a text, expected the whole of one")
        self._parts = [part.encode() for part in parts]
        self._slots = [(2 * place + 1, slots[text]) for place, text in enumerate(parts[1::2])]

    def filled(self, texts: Sequence[bytes]) -> bytes:
        parts = self._parts.copy()
        for position, slot in self._slots:
            parts[position] = texts[slot]
        return b"".join(parts)

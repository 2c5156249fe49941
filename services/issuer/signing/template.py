"""Signs credentials of one shape without parsing each as RDF: the exact canonical form by template. Pure.

The shape is parsed once, with a placeholder for each text that differs. For each credential the texts are put into the
statements, the hash of every blank node that they affect is computed, the blank nodes are labelled in the order of
their hashes and the lines are sorted. This is RDFC-1.0 itself; replacing texts in a finished canonical form would be
wrong, since labels depend on hashes. If two hashes are equal, the credential is left to the full algorithm.

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

from services.issuer.signing.statements import END, OTHER, SELF, Block, NeedsFullAlgorithm, blocks_of, in_graph
from shared.credentials.content import Document, text_problem
from shared.credentials.credential import DoNotSign, covered_by, proof_options
from shared.credentials.multibase import base58

CREATED = "created"
PROOF_VALUE = "proofValue"

_PLACEHOLDER = "urn:akashi:placeholder:"
_IRI = re.compile(r"https?://[A-Za-z0-9._~:/?@!$&'()*+,;=-]+(#[A-Za-z0-9._~:/?@!$&'()*+,;=-]*)?")
_MAX_LAYOUTS = 64  # cached; two or three are in use: the order of the URLs

_Filled = Sequence[list[bytes]]  # the pieces of each block
_Ranked = list[tuple[bytes, int]]  # hash and number of a blank node


class Sealed(NamedTuple):
    """A signed credential: its JSON, and the hex hash that is anchored."""

    body: bytes
    leaf: str


class _Recipe(NamedTuple):
    """The input of a blank node's hash: the statements that mention it, `before` or `after` its own."""

    node: int
    own: int | None
    subject_of: int | None  # None: the subject is in `before`
    before: bytes
    after: bytes


class _Layout(NamedTuple):
    """The blocks of IRIs in order: fixed lines, and positions for the blocks that vary."""

    parts: list[bytes]
    plain: list[tuple[int, int]]  # position, block: filled, without links
    linked: list[tuple[int, int]]  # position, block: with links

    def append(self, place: int, block: Block) -> None:
        open_ones = self.linked if block.links else self.plain
        if block.subject is not None and not block.holes and not block.links:
            lines = block.subject.join(block.pieces)
            if self.parts and self.parts[-1]:
                self.parts[-1] += lines
            else:
                self.parts.append(lines)
        else:
            open_ones.append((len(self.parts), place))
            self.parts.append(b"")


def placeholder(name: str) -> str:
    """The text that marks the place of the text `name` in a template's document."""
    return f"{_PLACEHOLDER}{name}:"


def _name_in(text: str) -> str:
    return text.removeprefix(_PLACEHOLDER).removesuffix(":")


class Template:
    """Signs all credentials of one shape.

    `document` has `placeholder(name)` as the whole of a text for each of `names`. DoNotSign, naming the field, for a
    document that must not be signed (a property in no context, say) or a placeholder that would not be signed.
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
        # Blocks are identified by their index, blank nodes by their number.
        self._subjects = [block.subject or b"" for block in self._blocks]  # "": filled in, or the label of a blank node
        self._named = sorted((block.subject, place) for place, block in enumerate(self._blocks) if block.subject)
        self._known = frozenset(subject for subject, _ in self._named)
        self._opened = [(place, block.slot) for place, block in enumerate(self._blocks) if block.slot is not None]
        self._unfilled = [block.pieces for block in self._blocks]
        self._varying = [(place, block) for place, block in enumerate(self._blocks) if block.holes]
        self._layouts: dict[tuple[tuple[int, int], ...], _Layout] = {}

        # The proof: its graph (a blank node), the block in that graph and its subject, the link from the document.
        self._graph, self._proof = next(
            (number, node.graph) for number, node in enumerate(self._nodes) if node.graph is not None
        )
        self._proof_node = self._blocks[self._proof].node or 0
        self._linking = self._nodes[self._graph].mentioned_in or 0
        self._link = next(link.position for link in self._blocks[self._linking].links if link.node == self._graph)
        recipes = [
            self._recipe(number) for number in range(len(self._nodes)) if number not in (self._graph, self._proof_node)
        ]
        self._recipes = [each for each in recipes if not self._is_fixed(each)]
        # A blank node that no text affects has the same hash in all credentials.
        self._fixed = [(self._hash(each, self._unfilled, []), each.node) for each in recipes if self._is_fixed(each)]
        self._labels = [f"_:c14n{rank}".encode() for rank in range(len(self._nodes))]

    # ── per credential ─────────────────────────────────────────────────────────────────────────────────

    def seal(self, values: Sequence[str], key: Ed25519PrivateKey, created: str) -> Sealed:
        """The signed credential with these texts, in the order of the names. `created` is a `proof_time`.

        The same bytes as `sign_with_leaf` and JSON encoding make of the filled document. DoNotSign, naming the text,
        for what must not be signed; NeedsFullAlgorithm where a template is not enough.
        """
        texts = [*self._encoded(values), created.encode(), b""]
        subjects, filled = self._subjects.copy(), self._unfilled.copy()
        for place, slot in self._opened:
            subjects[place] = b"<" + texts[slot] + b">"
        for place, block in self._varying:
            filled[place] = block.filled(texts)
        layout = self._layout(subjects)
        parts = layout.parts.copy()
        for position, place in layout.plain:
            parts[position] = subjects[place].join(filled[place])
        ranked = self._fixed.copy()
        for recipe in self._recipes:
            ranked.append((self._hash(recipe, filled, subjects), recipe.node))
        document = self._canonical(ranked, parts, layout, filled, subjects, secured=False)

        options = b"_:c14n0".join(self._options.filled(texts))
        value = base58(key.sign(sha256(options).digest() + sha256(document).digest()))

        texts[-1] = value.encode()
        said = filled[self._proof] = self._blocks[self._proof].filled(texts)
        linked = subjects[self._linking] + self._nodes[self._graph].mention + SELF + END
        ranked.append((sha256(linked + in_graph(OTHER, said, SELF)).digest(), self._graph))
        ranked.append((sha256(in_graph(SELF, said, OTHER)).digest(), self._proof_node))
        whole = self._canonical(ranked, parts, layout, filled, subjects, secured=True)
        return Sealed(self._body.filled(texts), sha256(whole).hexdigest())

    def _encoded(self, values: Sequence[str]) -> list[bytes]:
        """The texts as N-Quads and JSON write them: without control characters both escape the same way."""
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

    def _hash(self, recipe: _Recipe, filled: _Filled, subjects: Sequence[bytes]) -> bytes:
        """SHA-256 of the blank node's statements in order: those of an IRI, its own, those of another blank node."""
        text = recipe.before
        if recipe.subject_of is not None:
            text = subjects[recipe.subject_of] + text
        if recipe.own is not None:
            text += SELF.join(filled[recipe.own])
        return sha256(text + recipe.after).digest()

    def _canonical(
        self,
        ranked: _Ranked,
        parts: list[bytes],
        layout: _Layout,
        filled: _Filled,
        subjects: Sequence[bytes],
        *,
        secured: bool,
    ) -> bytes:
        """The canonical form of the document, alone or with its proof (`secured`). `parts` has no labels yet."""
        ranked.sort()
        labels = [b""] * len(self._nodes)
        before = b""
        for (digest, node), label in zip(ranked, self._labels, strict=False):
            if digest == before:
                raise NeedsFullAlgorithm
            before = digest
            labels[node] = label
        parts = parts.copy()
        for position, place in layout.linked:
            pieces = self._blocks[place].labelled(filled[place], labels)
            if place == self._linking and not secured:
                del pieces[self._link]
            parts[position] = subjects[place].join(pieces)
        in_order = [node for _, node in ranked]
        if len(in_order) > 10:
            in_order.sort(key=lambda node: labels[node] + b" ")
        for node in in_order:
            own = self._nodes[node].own
            if node == self._proof_node:
                parts.append(in_graph(labels[node], filled[self._proof], labels[self._graph]))
            elif own is not None:
                block = self._blocks[own]
                parts.append(labels[node].join(block.labelled(filled[own], labels) if block.links else filled[own]))
        return b"".join(parts)

    def _layout(self, subjects: Sequence[bytes]) -> _Layout:
        """The blocks of IRIs in order."""
        movers = sorted([(subjects[place], place) for place, _ in self._opened])
        names = {subject for subject, _ in movers}
        if len(names) < len(movers) or not self._known.isdisjoint(names):
            raise NeedsFullAlgorithm
        key = tuple([(bisect_left(self._named, mover), mover[1]) for mover in movers])
        found = self._layouts.get(key)
        if found is None:
            if len(self._layouts) >= _MAX_LAYOUTS:
                self._layouts.clear()
            found = self._layouts[key] = self._laid_out(key)
        return found

    # ── once ───────────────────────────────────────────────────────────────────────────────────────────

    def _laid_out(self, movers: tuple[tuple[int, int], ...]) -> _Layout:
        """`movers`: for each block with a filled-in IRI, the named block that it comes before."""
        layout = _Layout([], [], [])
        for position in range(len(self._named) + 1):
            for before, place in movers:
                if before == position:
                    layout.append(place, self._blocks[place])
            if position < len(self._named):
                place = self._named[position][1]
                layout.append(place, self._blocks[place])
        return layout

    def _recipe(self, number: int) -> _Recipe:
        node = self._nodes[number]
        said = node.mention + SELF + END
        if node.mentioned_in is None:
            return _Recipe(number, node.own, None, b"", b"")
        mentioning = self._blocks[node.mentioned_in]
        if mentioning.node is not None:
            return _Recipe(number, node.own, None, b"", OTHER + said)
        if mentioning.subject is not None:
            return _Recipe(number, node.own, None, mentioning.subject + said, b"")
        return _Recipe(number, node.own, node.mentioned_in, said, b"")

    def _is_fixed(self, recipe: _Recipe) -> bool:
        """Whether the blank node's hash is the same for all texts."""
        return recipe.subject_of is None and (recipe.own is None or not self._blocks[recipe.own].holes)

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

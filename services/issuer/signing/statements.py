"""A document's RDF statements as N-Quads with holes for texts, sorted as far as possible. Pure; see template.py.

A block holds the statements about one subject in one graph. Its lines begin with the same subject, so a block is the
subject joined with pieces: ` <predicate> object .` and the line's end. In a named graph a piece stops after the object
and a space; the graph follows, in each line. The lines of a block are adjacent in the canonical form, since lines are
sorted by subject first. The order within a block is fixed except for runs: pieces that differ only in what fills them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad

from shared.credentials.credential import DoNotSign

END = b" .\n"
SELF = b"_:a"  # the label of a blank node in its own hash …
OTHER = b"_:z"  # … and of every other blank node there


class NeedsFullAlgorithm(Exception):
    """With these texts, statements coincide or blank nodes have equal hashes: canonicalise the whole document."""


class Hole(NamedTuple):
    """A piece with a text in it; `slot` is the index of the text."""

    position: int
    before: bytes
    slot: int
    after: bytes


class Link(NamedTuple):
    """A piece whose object is a blank node."""

    position: int
    before: bytes
    node: int


@dataclass(frozen=True, slots=True)
class Block:
    """The statements about one subject: an IRI (`subject`), one that is filled in (`slot`), or a blank node (`node`).

    `pieces` are in order, with empty holes and links to `_:z`; in the default graph the first one is empty, so that
    `subject.join(pieces)` is the block's lines.
    """

    subject: bytes | None
    slot: int | None
    node: int | None
    graph: int | None  # a blank node; None: the default graph
    pieces: list[bytes]
    holes: tuple[Hole, ...]
    links: tuple[Link, ...]
    hole_runs: tuple[tuple[int, int], ...]
    link_runs: tuple[tuple[int, int], ...]

    def filled(self, texts: Sequence[bytes]) -> list[bytes]:
        """The pieces in order, with texts; links still to `_:z`, as for the hashes."""
        pieces = self.pieces.copy()
        for position, before, slot, after in self.holes:
            pieces[position] = before + texts[slot] + after
        for start, end in self.hole_runs:
            run = sorted(pieces[start:end])
            if len(set(run)) < len(run):
                raise NeedsFullAlgorithm
            pieces[start:end] = run
        return pieces

    def labelled(self, filled: list[bytes], labels: Sequence[bytes]) -> list[bytes]:
        """The filled pieces in order, with links to the labels of the blank nodes."""
        pieces = filled.copy()
        for position, before, node in self.links:
            pieces[position] = before + labels[node] + END
        for start, end in self.link_runs:
            pieces[start:end] = sorted(pieces[start:end])
        return pieces


def in_graph(subject: bytes, pieces: Sequence[bytes], graph: bytes) -> bytes:
    """The lines of a block in a named graph."""
    return subject + (graph + END + subject).join(pieces) + graph + END


class BlankNodePlaces(NamedTuple):
    """Where a blank node of a tree stands: at most once each as an object, as a subject and as a graph (of a proof)."""

    mentioned_in: int | None  # a block
    mention: bytes  # the piece up to the node
    own: int | None  # the block whose subject it is
    graph: int | None  # the block whose graph it is


def blocks_of(statements: Sequence[Quad], slots: Mapping[str, int]) -> tuple[list[Block], list[BlankNodePlaces]]:
    """All blocks and the blank nodes in them; terms whose text is a key of `slots` are holes.

    DoNotSign when it is no tree: a blank node is referred to twice, or a graph has several subjects.
    """
    numbers: dict[BlankNode, int] = {}
    grouped: dict[tuple[NamedNode | BlankNode, BlankNode | None], list[Quad]] = {}
    for statement in statements:
        graph = None if isinstance(statement.graph_name, DefaultGraph) else statement.graph_name
        for term in (statement.subject, statement.object, graph):
            if isinstance(term, BlankNode):
                numbers.setdefault(term, len(numbers))
        grouped.setdefault((statement.subject, graph), []).append(statement)  # type: ignore[arg-type]
    blocks = [_block(subject, graph, group, slots, numbers) for (subject, graph), group in grouped.items()]
    return blocks, [_node(number, blocks) for number in range(len(numbers))]


def _block(
    subject: NamedNode | BlankNode,
    graph: BlankNode | None,
    statements: Sequence[Quad],
    slots: Mapping[str, int],
    numbers: Mapping[BlankNode, int],
) -> Block:
    named = isinstance(subject, NamedNode)
    slot = slots.get(subject.value) if named else None
    if named and graph is not None:
        raise DoNotSign(f"{subject.value}: got it within the proof, expected only the proof's own properties there")
    made = sorted((_piece(statement, slots, numbers) for statement in statements), key=lambda each: each.head)
    start = 1 if graph is None else 0
    numbered = list(enumerate(made, start))
    if graph is not None and any(each.node is not None for each in made):
        raise DoNotSign("got an object without id within the proof, expected only the proof's own properties there")
    return Block(
        subject=f"<{subject.value}>".encode() if isinstance(subject, NamedNode) and slot is None else None,
        slot=slot,
        node=None if isinstance(subject, NamedNode) else numbers[subject],
        graph=None if graph is None else numbers[graph],
        pieces=[b""] * start + [each.piece for each in made],
        holes=tuple(
            Hole(place, each.before, each.slot, each.after) for place, each in numbered if each.slot is not None
        ),
        links=tuple(Link(place, each.before, each.node) for place, each in numbered if each.node is not None),
        hole_runs=_runs([(place, each.head, each.slot is not None) for place, each in numbered]),
        link_runs=_runs([(place, each.head, each.node is not None) for place, each in numbered]),
    )


class _Piece(NamedTuple):
    """A piece with or without a hole; `head` is the part before it."""

    head: bytes
    piece: bytes
    before: bytes = b""
    after: bytes = b""
    slot: int | None = None
    node: int | None = None


def _piece(statement: Quad, slots: Mapping[str, int], numbers: Mapping[BlankNode, int]) -> _Piece:
    before, term = f" <{statement.predicate.value}> ".encode(), statement.object
    stop = END if isinstance(statement.graph_name, DefaultGraph) else b" "
    if isinstance(term, BlankNode):
        return _Piece(before + b"_:", before + OTHER + stop, before, node=numbers[term])
    if not isinstance(term, NamedNode | Literal):
        raise DoNotSign(f"{statement.predicate.value}: got a {type(term).__name__}, expected a text or a URL")
    written, slot = str(term), slots.get(term.value)
    if slot is None:
        piece = before + written.encode() + stop
        return _Piece(piece, piece)
    start, end = (part.encode() for part in written.split(term.value))
    return _Piece(before + start, b"", before + start, end + stop, slot)


def _runs(heads: Sequence[tuple[int, bytes, bool]]) -> tuple[tuple[int, int], ...]:
    """Ranges of pieces with the same head, one of them open: they are sorted once they are filled."""
    found: list[tuple[int, int]] = []
    past = 0
    for place, head, is_open in heads:
        if is_open and place >= past:
            alike = [other for other, beginning, _ in heads if other >= place and beginning.startswith(head)]
            past = place + len(alike)
            if len(alike) > 1:
                found.append((place, past))
    return tuple(found)


def _node(number: int, blocks: Sequence[Block]) -> BlankNodePlaces:
    mentions = [
        (place, link.before) for place, block in enumerate(blocks) for link in block.links if link.node == number
    ]
    own = [place for place, block in enumerate(blocks) if block.node == number]
    graph = [place for place, block in enumerate(blocks) if block.graph == number]
    if max(len(mentions), len(own), len(graph)) > 1 or (own and graph):
        raise DoNotSign("got an object without id in two places, or two subjects in a proof; expected a tree")
    place, mention = mentions[0] if mentions else (None, b"")
    return BlankNodePlaces(place, mention, own[0] if own else None, graph[0] if graph else None)

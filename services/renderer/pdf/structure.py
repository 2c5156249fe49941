"""The order in which a screen reader reads a page: a tree of tagged elements (ISO 32000-1, 14.7 and 14.8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

Place = tuple[int, ...]
"""Where an element stands: (3,) is the third of the document, (3, 1) the first in it. Gaps are allowed."""


class Tag(NamedTuple):
    """An element of the structure; `attributes` are further entries of its dictionary. Equal places are one element."""

    place: Place
    kind: str  # a standard type: H1, P, Figure, Table, TR, TH, TD, Link
    attributes: str = ""


class Marked(NamedTuple):
    """A marked piece of the page's content and the element that it belongs to. `number` is its MCID."""

    tag: Tag
    number: int


def english(tag: Tag) -> Tag:
    """The element with its language."""
    return tag._replace(attributes=f"{tag.attributes} /Lang (en)")


def figure(place: Place, alternative: str, box: tuple[float, float, float, float]) -> Tag:
    """A picture with the text that is read instead of it; `box` is left, bottom, right, top."""
    edges = " ".join(f"{edge:.2f}" for edge in box)
    return Tag(
        place, "Figure", f"/Alt {text_string(alternative)} /A << /O /Layout /Placement /Block /BBox [{edges}] >>"
    )


def text_string(text: str) -> str:
    """A PDF text string (ISO 32000-1, 7.9.2.2)."""
    return f"<FEFF{text.encode('utf-16-be').hex().upper()}>"


@dataclass(frozen=True)
class Tree:
    """Numbered objects of a page's structure, each with the place of its element."""

    objects: Mapping[int, tuple[Place, str]]
    next_number: int


@dataclass
class _Element:
    tag: Tag
    number: int
    kids: list[str] = field(default_factory=list)


def tree_of(
    marked: Sequence[Marked],
    containers: Sequence[Tag],
    annotations: Mapping[Place, int],
    *,
    root: int,
    page: int,
    first_number: int,
) -> Tree:
    """The objects of the tree: `root` is the number of its root, further ones are numbered from `first_number` on.

    `annotations` are the numbers of link annotations by the place of their element. Marked pieces are all those of the
    page, in the order of their numbers.
    """
    tags = {tag.place: tag for tag in (*containers, *(each.tag for each in marked))}
    document = _Element(Tag((), "Document"), first_number)
    elements: dict[Place, _Element] = {(): document}
    for number, place in enumerate(sorted(tags), first_number + 1):
        elements[place] = _Element(tags[place], number)
    for each in marked:
        elements[each.tag.place].kids.append(str(each.number))
    for place, element in elements.items():
        if place:
            elements[place[:-1]].kids.append(f"{element.number} 0 R")
    for place, annotation in annotations.items():
        elements[place].kids.append(f"<< /Type /OBJR /Obj {annotation} 0 R /Pg {page} 0 R >>")
    objects = {
        element.number: (
            place,
            f"<< /Type /StructElem /S /{element.tag.kind} /P {elements[place[:-1]].number if place else root} 0 R"
            f" /Pg {page} 0 R {element.tag.attributes} /K [{' '.join(element.kids)}] >>",
        )
        for place, element in elements.items()
    }
    parents = " ".join(f"{elements[each.tag.place].number} 0 R" for each in marked)
    links = " ".join(
        f"{key} {elements[place].number} 0 R" for key, place in enumerate(annotations, 1)
    )  # an annotation's /StructParent is its place among them, from 1
    objects[root] = (
        (),
        f"<< /Type /StructTreeRoot /K {document.number} 0 R"
        f" /ParentTree << /Nums [0 [{parents}] {links}] >> /ParentTreeNextKey {len(annotations) + 1} >>",
    )
    return Tree(objects, first_number + len(elements))

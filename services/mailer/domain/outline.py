"""A letter's text with gaps for one person's own values. Filled in, it equals what its template renders; pure.

The letters of one kind, year and qualification differ in a name and three URLs only, and rendering a template takes
ten times as long as joining its pieces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jinja2
from markupsafe import escape

_GAP = re.compile("\ue000(\\w+)\ue001")  # private use area: in no text, and not escaped


class Outline(NamedTuple):
    """Pieces of text and names of values, in turn; a text comes first and last."""

    parts: Sequence[str]
    is_html: bool

    def filled(self, values: Mapping[str, str]) -> str:
        """With these values in the gaps; in HTML they are escaped."""
        parts = list(self.parts)
        parts[1::2] = [str(escape(values[name])) if self.is_html else values[name] for name in parts[1::2]]
        return "".join(parts)


def outline_of(template: jinja2.Template, values: Mapping[str, Any], own: Sequence[str]) -> Outline:
    """`own` names the values that differ from person to person.

    A template prints these as they are; any condition on them must hold for everyone or for nobody.
    """
    gaps = {name: f"\ue000{name}\ue001" for name in own}
    text = template.render({**values, **gaps})
    return Outline(tuple(_GAP.split(text)), (template.name or "").endswith(".html"))

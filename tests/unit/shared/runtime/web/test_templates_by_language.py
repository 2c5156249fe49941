"""Fixed texts are written when a template is compiled: a page reads as if they had been looked up for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import DictLoader, Environment, StrictUndefined, UndefinedError, nodes
from markupsafe import Markup

from shared.plain_text import shown
from shared.runtime.web.templates_by_language import FixedTexts


@dataclass(frozen=True)
class Named:
    ja: str
    en: str


@dataclass(frozen=True)
class Society:
    name: Named
    url: str


FUNCTIONS: dict[str, Callable[..., str]] = {"t": lambda ja, en: ja, "say": lambda text: text.ja}
VALUES = {"lang": "ja", "society": Society(Named("<学会> & 協会", "x\u202ey"), "https://a.example/?a=1&b=2")}


def _plain(value: Any) -> Any:
    return shown(value) if type(value) is str else value


OPTIONS: dict[str, Any] = {"autoescape": True, "undefined": StrictUndefined, "finalize": _plain}


def written(template: str, **more: str) -> FixedTexts:
    loader = DictLoader({"page": template, **more})
    return FixedTexts(fixed_functions=FUNCTIONS, fixed_values=VALUES, loader=loader, **OPTIONS)


def looked_up(template: str, **more: str) -> Environment:
    environment = Environment(loader=DictLoader({"page": template, **more}), **OPTIONS)
    environment.globals.update(FUNCTIONS | VALUES)
    return environment


PIECES = [
    '{{ t("一 & <二>", "one") }}',
    "{{ say(society.name) }}",
    "{{ society.name.en }}",
    '{{ t(say(society.name) ~ "から", "The " ~ say(society.name)) }}',
    '{{ t("a", "b")|upper }}',
    '<a href="{{ society.url }}" lang="{{ lang }}">',
    '{% if lang == "ja" %}はい{% else %}no{% endif %}',
    '{{ t("a" if holder else "b", "c") }}',
    "{{ holder }}",
    "{{ markup }}",
    '{{ t(holder, "x") ~ markup }}',
    '{% set lang = "xx" %}{{ lang }}',
    "{% for society in [holder] %}{{ society }}{% endfor %}",
    "{% macro m(lang) %}{{ lang }}{{ holder }}{% endmacro %}{{ m(markup) }}",
    '{% import "parts" as p %}{{ p.part(holder) }}',
    '{{ t(ja="a", en=holder) }}',
]
PARTS = '{% macro part(text) %}{{ t("部", "part") }}{{ text }}{{ society.name.ja }}{% endmacro %}'
GIVEN = {"holder": "<b>&\u202e", "markup": Markup("<i>&amp;</i>")}


@settings(max_examples=30)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6))
def test_a_page_reads_the_same_as_when_its_fixed_texts_are_looked_up(pieces: list[str]) -> None:
    page = "\n".join(pieces)
    expected = looked_up(page, parts=PARTS).get_template("page").render(GIVEN)
    # What is fixed is written out by its finalizer and then escaped, at either time.
    assert written(page, parts=PARTS).get_template("page").render(GIVEN) == expected


@pytest.mark.parametrize("piece", PIECES[:6])
def test_what_no_request_changes_is_part_of_the_compiled_text(piece: str) -> None:
    environment = written(piece)
    tree = environment._parse(piece, "page", None)
    assert not list(tree.find_all(nodes.Call)), "nothing of it is called for a page"
    assert not [name.name for name in tree.find_all(nodes.Name) if name.name in VALUES]


@pytest.mark.parametrize("piece", ["{{ society.founder }}", "{{ t(nobody, 'x') }}", "{{ nobody }}"])
def test_a_name_that_is_not_there_fails_the_page_as_before(piece: str) -> None:
    for environment in (written(piece), looked_up(piece)):
        with pytest.raises(UndefinedError):
            environment.get_template("page").render(GIVEN)

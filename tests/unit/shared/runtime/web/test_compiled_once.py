"""Of the tests' own `tests/worlds/templates.py`: what shares a compiled template, and what doesn't."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from jinja2 import DictLoader, Environment, nodes
from jinja2.visitor import NodeTransformer

from tests.worlds.templates import _made_by

TEXT = {"page.html": "{{ word }} {{ 'a' | marked }} {{ '<' }}\n"}


class Writing(NodeTransformer):
    def __init__(self, word: Callable[[], str]) -> None:
        self._word = word

    def visit_Name(self, node: nodes.Name) -> nodes.Node:  # noqa: N802  # Jinja's name
        return nodes.Const(self._word()) if node.name == "word" else node


class WithWord(Environment):
    """Writes a word when it compiles a template."""

    def __init__(self, word: Callable[[], str], **options: Any) -> None:
        super().__init__(loader=DictLoader(TEXT), **options)
        self._word = word

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        written: nodes.Template = Writing(self._word).visit(super()._parse(source, name, filename))
        return written


def made(word: str = "one", mark: str = "+", **options: Any) -> WithWord:
    environment = WithWord(lambda: word, **options)
    environment.filters["marked"] = partial(lambda text, mark: f"{text}{mark}", mark=mark)
    return environment


def page(environment: Environment) -> str:
    return environment.get_template("page.html").render()


def test_environments_that_make_the_same_of_a_text_share_it() -> None:
    assert _made_by(made(), "page.html") == _made_by(made(), "page.html")
    assert page(made()) == page(made()) == "one a+ <"


@pytest.mark.parametrize(
    ("other", "shown"),
    [
        ({"word": "two"}, "two a+ <"),
        ({"mark": "-"}, "one a- <"),
        ({"autoescape": True}, "one a+ &lt;"),
        ({"finalize": str.upper}, "ONE A+ <"),
        ({"keep_trailing_newline": True}, "one a+ <\n"),
    ],
)
def test_one_that_makes_another_text_has_its_own(other: dict[str, Any], shown: str) -> None:
    assert page(made()) == "one a+ <"
    assert page(made(**other)) == shown
    assert _made_by(made(**other), "page.html") != _made_by(made(), "page.html")

"""Jinja templates as one language reads them: what no request changes is written when a template is compiled.

Most of a page is fixed: its words in the visitor's language, the society's names, the addresses of styles and scripts.
A template that is compiled for one language holds all that as text, joined to the HTML around it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment, nodes
from jinja2.nodes import Impossible
from jinja2.visitor import NodeTransformer


class FixedTexts(Environment):
    """An environment whose templates have their fixed texts written in.

    `fixed_functions`: globals that always return the same for the same arguments; calls of them are made once, when a
    template is compiled, where their arguments are known then. `fixed_values`: globals that no page overrides.
    """

    def __init__(
        self, *, fixed_functions: Mapping[str, Callable[..., str]], fixed_values: Mapping[str, Any], **options: Any
    ) -> None:
        super().__init__(**options)
        self._functions, self._values = fixed_functions, fixed_values
        self.globals.update(fixed_functions)
        self.globals.update(fixed_values)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        given = _given(tree)
        values = {key: value for key, value in self._values.items() if key not in given}
        functions = {key: value for key, value in self._functions.items() if key not in given}
        written: nodes.Template = _Writing(values, functions, self.finalize).visit(tree)
        return written


def _given(tree: nodes.Template) -> set[str]:
    """The names that the template gives to something itself."""
    names = {each.name for each in tree.find_all(nodes.Name) if each.ctx != "load"}
    names |= {each.name for each in tree.find_all(nodes.Macro)} | {each.target for each in tree.find_all(nodes.Import)}
    for each in tree.find_all(nodes.FromImport):
        names |= {name if isinstance(name, str) else name[1] for name in each.names}
    return names


class _Writing(NodeTransformer):
    """Replaces what is known by its text. The rest is left to the request."""

    def __init__(
        self,
        values: Mapping[str, Any],
        functions: Mapping[str, Callable[..., str]],
        finalize: Callable[..., Any] | None,
    ) -> None:
        self._values, self._functions = values, functions
        self._finalize = finalize or (lambda value: value)

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802  # Jinja's visitors are named after nodes
        self.generic_visit(node)
        return self._written(node)

    def visit_Name(self, node: nodes.Name) -> nodes.Node:  # noqa: N802
        return self._written(node)

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:  # noqa: N802
        written = self._written(node)
        return self.generic_visit(node) if written is node else written

    def _written(self, node: nodes.Expr) -> nodes.Node:
        try:
            value = self._value(node)
        except Impossible:
            return node
        # Finalized here: Jinja finalizes what is written at compile time after it is escaped, and not before.
        return nodes.Const(self._finalize(value), lineno=node.lineno) if type(value) is str else node

    def _value(self, node: nodes.Node) -> Any:
        """What an expression is in every request. Impossible: it may differ."""
        match node:
            case nodes.Const():
                return node.value
            case nodes.Name(name=name, ctx="load") if name in self._values:
                return self._values[name]
            case nodes.Getattr() if not node.attr.startswith("_"):
                owner = self._value(node.node)
                if not hasattr(owner, node.attr):
                    raise Impossible
                return getattr(owner, node.attr)
            case nodes.Concat():
                return "".join(self._text(part) for part in node.nodes)
            case nodes.Call(node=nodes.Name(name=name)) if name in self._functions:
                if node.kwargs or node.dyn_args is not None or node.dyn_kwargs is not None:
                    raise Impossible
                return self._functions[name](*(self._value(argument) for argument in node.args))
            case _:
                raise Impossible

    def _text(self, node: nodes.Node) -> str:
        value = self._value(node)
        if type(value) is not str:  # a Markup would have its neighbours escaped
            raise Impossible
        return value

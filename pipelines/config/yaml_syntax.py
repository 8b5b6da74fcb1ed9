"""From text to PyYAML's node tree, with one problem instead of PyYAML's exceptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import yaml
from yaml.reader import Reader

from pipelines.config.problems import Problem

T = TypeVar("T")


def compose(text: str, *, file: str, max_depth: int) -> tuple[yaml.Node | None, Problem | None]:
    """The node of the one document that the text holds, None for an empty one; or what is wrong with its syntax."""
    return _composed(text, _Loader.get_single_node, file=file, max_depth=max_depth)


def compose_all(text: str, *, file: str, max_depth: int) -> tuple[list[yaml.Node] | None, Problem | None]:
    """The nodes of all documents that the text holds; or what is wrong with its syntax."""

    def every(loader: _Loader) -> list[yaml.Node]:
        nodes = []
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                nodes.append(node)
        return nodes

    return _composed(text, every, file=file, max_depth=max_depth)


def _composed(
    text: str, compose_it: Callable[[_Loader], T], *, file: str, max_depth: int
) -> tuple[T | None, Problem | None]:
    if bad := Reader.NON_PRINTABLE.search(text):
        before = text[: bad.start()]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = f"not YAML: the character {bad.group()!a} may not stand in it"
        return None, Problem(source=file, line=line, column=column, message=message)
    loader = _Loader(text)
    loader.depth_left = max_depth
    try:
        return compose_it(loader), None
    except yaml.MarkedYAMLError as error:
        return None, _problem(error, text, file)
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """PyYAML's own parser, not libyaml's: its messages are the same on every machine, and say more.

    A file of 100 services takes it 30 ms.
    """

    depth_left = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """As PyYAML's, which composes by recursion; this one has a floor."""
        if self.depth_left < 0:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # types-PyYAML has no signature
            raise yaml.MarkedYAMLError(problem="nested too deep", problem_mark=mark)
        self.depth_left -= 1
        node = super().compose_node(parent, index)
        self.depth_left += 1
        return node


def _problem(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    mark, began = error.problem_mark or error.context_mark, error.context_mark
    context = error.context or ""
    if context and began and mark and began.line != mark.line:
        context += f" that begins on line {began.line + 1}"
    message = "not YAML: " + ", ".join(part for part in (context, error.problem) if part)
    if mark is None:
        return Problem(source=file, message=message)
    here = "".join(text.splitlines()[mark.line : mark.line + 1])
    if here[mark.column :].startswith("\t"):
        message = "not YAML: a tab where spaces must be; indent with spaces"
    elif error.problem == "mapping values are not allowed here":
        message += "; put a value that holds ': ' in quotes, and check the indentation"
    return Problem(source=file, line=mark.line + 1, column=mark.column + 1, message=message)

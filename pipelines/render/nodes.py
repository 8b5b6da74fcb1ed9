"""A user's YAML as nodes that know where they stand in the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from pipelines.config.problems import Problem
from pipelines.config.yaml_syntax import compose_all
from pipelines.errors import shown

_MERGE = "tag:yaml.org,2002:merge"
_MAX_DEPTH = 64
TEMPLATE = "a template is no YAML yet; render the chart first ('helm template'), or set the digest in its values"


class Trouble(Exception):
    """What keeps a file from being changed, and where."""

    def __init__(self, node: yaml.Node, message: str) -> None:
        self.line, self.column = node.start_mark.line + 1, node.start_mark.column + 1
        super().__init__(message)

    def problem(self, file: str) -> Problem:
        """The same for people."""
        return Problem(source=file, line=self.line, column=self.column, message=str(self))


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A key of a mapping with its value; `mapping` is another one if it was merged in with `<<`."""

    mapping: yaml.MappingNode
    key: yaml.ScalarNode
    value: yaml.Node


def read(data: bytes, file: str) -> tuple[str, list[yaml.Node]] | Problem:
    """A file's text, and its documents; or why it is none. Line ends and a byte order mark stay in the text."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return Problem(source=file, line=line, message="not UTF-8; save the file as UTF-8")
    nodes, problem = compose_all(text, file=file, max_depth=_MAX_DEPTH)
    if problem is None:
        return text, nodes or []
    begins = next((number for number, line in enumerate(text.split("\n"), 1) if line.lstrip().startswith("{{")), None)
    if begins is not None and begins <= (problem.line or 0):
        return Problem(source=file, line=begins, message=TEMPLATE)
    if problem.line and "{{" in text.split("\n")[problem.line - 1]:
        return Problem(source=file, line=problem.line, column=problem.column, message=TEMPLATE)
    return problem


def entry(mapping: yaml.MappingNode, name: str) -> Entry | None:
    """The mapping's own entry, or else the one that is merged in (https://yaml.org/type/merge.html).

    :raises Trouble: it is there twice.
    """
    own = [(key, value) for key, value in mapping.value if isinstance(key, yaml.ScalarNode) and key.value == name]
    if len(own) > 1:
        raise Trouble(own[1][0], f"{name} is declared twice, first on line {own[0][0].start_mark.line + 1}")
    if own:
        return Entry(mapping=mapping, key=own[0][0], value=own[0][1])
    for key, value in mapping.value:
        if key.tag != _MERGE:
            continue
        for other in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            if isinstance(other, yaml.MappingNode) and (found := entry(other, name)):
                return found
    return None


def text_of(mapping: yaml.MappingNode, name: str) -> str | None:
    """The text of an entry; None if there is none, or it is no text."""
    found = entry(mapping, name)
    return found.value.value if found and isinstance(found.value, yaml.ScalarNode) else None


def mapping_of(mapping: yaml.MappingNode, name: str) -> yaml.MappingNode | None:
    """The mapping that is an entry's value; None if there is none."""
    found = entry(mapping, name)
    return found.value if found and isinstance(found.value, yaml.MappingNode) else None


def mappings(node: yaml.Node) -> Iterator[yaml.MappingNode]:
    """Every mapping of a document, each once, in the order of the text.

    :raises Trouble: a key is no text: `{{ .Values.image }}` without quotes is, to YAML, a mapping within a mapping.
    """
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting.extend(reversed(node.value))
        elif isinstance(node, yaml.MappingNode):
            if other := next((key for key, _ in node.value if not isinstance(key, yaml.ScalarNode)), None):
                raise Trouble(other, TEMPLATE if isinstance(other, yaml.MappingNode) else "a key must be text")
            yield node
            waiting.extend(value for _, value in reversed(node.value))


def no_text(node: yaml.Node, expected: str) -> Trouble:
    """What is wrong with a node that should be a text."""
    if not isinstance(node, yaml.MappingNode):
        return Trouble(node, f"expected {expected}, found a list")
    template = any(not isinstance(key, yaml.ScalarNode) for key, _ in node.value)
    return Trouble(node, TEMPLATE if template else f"expected {expected}, found a mapping")


def check_plain(node: yaml.ScalarNode) -> None:
    """:raises Trouble: the text is a template."""
    if "{{" in node.value:
        raise Trouble(node, f"{shown(node.value)}: {TEMPLATE}")

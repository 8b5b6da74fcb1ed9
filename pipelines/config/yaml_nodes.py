"""From YAML text to plain data that remembers where each key and value stood.

The text is read as PyYAML's node tree, because nodes have marks and constructed objects have not. Nothing but mappings,
lists, text, numbers, booleans and null comes out: no tag of the file's chooses a Python type.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from pipelines.config.problems import KeyPath, Problem, render
from pipelines.config.yaml_syntax import compose
from pipelines.errors import shown

MAX_NODES = 100_000  # after aliases are expanded; a file for 500 services has about 10,000
MAX_DEPTH = 64

_PREFIX = "tag:yaml.org,2002:"
_MERGE = f"{_PREFIX}merge"
# A date is text here, as in YAML 1.2: no key takes one, and `BUILD_DATE: 2025-01-20` means what it says.
_TEXT = {f"{_PREFIX}str", f"{_PREFIX}timestamp", f"{_PREFIX}value"}
_SCALARS = {f"{_PREFIX}{name}" for name in ("int", "float", "bool", "null")}
# Written in the file as an escape, "\e": a label, an argument or a terminal that receives one goes wrong.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CONTAINERS = {f"{_PREFIX}map", f"{_PREFIX}seq"}


@dataclass(frozen=True)
class Spot:
    """Where an entry stands, as (line, column) from 1, and a scalar's own spelling (`0o17`, `yes`, `1.10`)."""

    key: tuple[int, int]
    value: tuple[int, int]
    raw: str | None = None


@dataclass(frozen=True, kw_only=True)
class Document:
    """One file: its data, the spot of every key path, and what is wrong with it as YAML."""

    file: str
    data: object = None
    spots: Mapping[KeyPath, Spot] = field(default_factory=dict, repr=False)
    problems: tuple[Problem, ...] = ()

    def problem(self, path: KeyPath, message: str, *, on_key: bool = False) -> Problem:
        """The problem at its place. A key that is not in the file is shown at the nearest key above it."""
        line, column = self.position(path, on_key=on_key)
        return Problem(source=self.file, line=line, column=column, where=render(path), message=message)

    def position(self, path: KeyPath, *, on_key: bool = False) -> tuple[int, int]:
        """Line and column of the value, or of the key; of the nearest key above for a path that is not there."""
        if path in self.spots:
            return self.spots[path].key if on_key else self.spots[path].value
        return self.position(path[:-1], on_key=True) if path else (1, 1)


class _Stop(Exception):
    """The rest is not worth reading."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def parse_yaml(text: str, *, file: str) -> Document:
    """Read one YAML document. Never raises for what the text holds: `problems` has it."""
    reader = _Reader(file)
    node, problem = compose(text, file=file, max_depth=MAX_DEPTH)
    if problem is not None:
        return Document(file=file, problems=(problem,))
    try:
        data = None if node is None else reader.read(node, (), _mark(node))
    except _Stop as stop:
        return Document(file=file, problems=(*reader.problems, stop.problem))
    return Document(file=file, data=data, spots=reader.spots, problems=tuple(reader.problems))


def _mark(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


class _Reader:
    """Turns nodes into data; a problem does not stop it, a flood does."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.spots: dict[KeyPath, Spot] = {}
        self.problems: list[Problem] = []
        self._nodes = 0
        self._scalars = yaml.constructor.SafeConstructor()

    def read(self, node: yaml.Node, path: KeyPath, key: tuple[int, int]) -> object:
        self._count(node, len(path))
        self.spots[path] = Spot(key, _mark(node), node.value if isinstance(node, yaml.ScalarNode) else None)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if node.tag not in _CONTAINERS:
            self._add(node, path, f"the tag {shown(node.tag)} is not supported")
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index), _mark(item)) for index, item in enumerate(node.value)]
        entries = self._entries(node, path, 0)
        return {name: self.read(value, (*path, name), _mark(key)) for name, (key, value) in entries.items()}

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> object:
        if node.tag in _TEXT:
            self._check_printable(node, path)
            return node.value
        if node.tag not in _SCALARS:
            self._add(node, path, f"the tag {shown(node.tag)} is not supported; put the value in quotes")
        elif path and node.value == "" and not node.style:
            self._add(node, path, "no value; leave the key out, or write null or {} if that is meant")
        else:
            try:
                return self._scalars.construct_object(node)
            except (ValueError, yaml.YAMLError):  # `!!int x`, or more digits than Python converts
                self._add(node, path, f"{shown(node.value)} cannot be read as {node.tag.removeprefix(_PREFIX)}")
        return None

    def _entries(self, node: yaml.Node, path: KeyPath, depth: int) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """A mapping's entries by name, its own before those merged in with `<<` (https://yaml.org/type/merge.html)."""
        self._count(node, depth, len(node.value))
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: list[yaml.Node] = []
        for key, value in node.value:
            if key.tag == _MERGE:
                merged.extend(value.value if isinstance(value, yaml.SequenceNode) else [value])
            elif not isinstance(key, yaml.ScalarNode) or key.tag not in _TEXT:
                kind = key.tag.removeprefix(_PREFIX)
                name = f"{shown(key.value)}: " if isinstance(key, yaml.ScalarNode) else ""
                self._add(key, path, f"{name}a key must be text, and YAML reads this one as {kind}; put it in quotes")
            elif key.value in own:
                first, _ = _mark(own[key.value][0])
                self._add(key, (*path, key.value), f"declared twice: on line {first} and on line {_mark(key)[0]}")
            else:
                self._check_printable(key, (*path, key.value))
                own[key.value] = key, value
        for name, entry in self._merged(merged, path, depth):
            own.setdefault(name, entry)
        return own

    def _merged(
        self, nodes: Iterable[yaml.Node], path: KeyPath, depth: int
    ) -> Iterator[tuple[str, tuple[yaml.Node, yaml.Node]]]:
        for node in nodes:
            if isinstance(node, yaml.MappingNode):
                yield from self._entries(node, path, depth + 1).items()
            else:
                self._add(node, (*path, "<<"), "only a mapping can be merged in")

    def _check_printable(self, node: yaml.ScalarNode, path: KeyPath) -> None:
        if bad := _CONTROL.search(node.value):
            self._add(node, path, f"the character {bad.group()!a} may not stand in it")

    def _count(self, node: yaml.Node, depth: int, size: int = 1) -> None:
        """Aliases make a small text large: what counts is what it expands to. An alias to itself ends here too."""
        self._nodes += size
        if self._nodes > MAX_NODES:
            self._stop(node, f"its aliases make more than {MAX_NODES:,} values of it")
        if depth > MAX_DEPTH:
            self._stop(node, f"its aliases nest more than {MAX_DEPTH} levels deep; does one contain itself?")

    def _add(self, node: yaml.Node, path: KeyPath, message: str) -> None:
        line, column = _mark(node)
        self.problems.append(Problem(source=self.file, line=line, column=column, where=render(path), message=message))

    def _stop(self, node: yaml.Node, message: str) -> None:
        self._add(node, (), message)
        raise _Stop(self.problems.pop())

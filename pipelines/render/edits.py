"""Changes of a YAML text that leave every other byte alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from pipelines.render.nodes import Entry, Trouble
from pipelines.render.text import scalar

# An anchor or a tag before a value: `&image ghcr.io/…`. PyYAML counts them as the value's beginning.
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")


class Edits:
    """Changes of one text, by position."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._set: dict[int, tuple[int, str, str]] = {}
        self._added: dict[int, tuple[str, str, bool]] = {}
        self._indents: dict[int, int] = {}

    def set(self, node: yaml.ScalarNode, value: str) -> None:
        """Give a scalar another value in the style that it has.

        :raises Trouble: it is a text of several lines.
        """
        if node.value == value:
            return
        if node.style in ("|", ">"):
            raise Trouble(node, "a block text (| or >) is not changed; write the value on one line")
        start = _begin(self._text, node.start_mark.index)
        self._set[start] = (node.end_mark.index, scalar(value, node.style), value)

    def add_after(self, found: Entry, name: str, value: str) -> None:
        """Give a mapping another key, behind one whose value is a scalar.

        :raises Trouble: that value is an alias.
        """
        if found.value.start_mark.index < found.key.end_mark.index:
            raise Trouble(found.key, f"{name} cannot be added behind an alias; add it by hand")
        end = found.value.end_mark.index
        self._added[end] = (name, value, bool(found.mapping.flow_style))
        self._indents[end] = found.key.start_mark.column

    def done(self) -> str:
        """The text with all changes.

        :raises ValueError: it does not say exactly what was meant.
        """
        changes = [(start, end, text) for start, (end, text, _) in self._set.items()]
        changes += [self._insertion(end) for end in self._added]
        text, last = "", 0
        for start, end, new in sorted(changes):
            text += self._text[last:start] + new
            last = end
        text += self._text[last:]
        if list(_said(text)) != list(self._meant()):
            raise ValueError("these changes cannot be made without changing more")
        return text

    def _insertion(self, end: int) -> tuple[int, int, str]:
        name, value, flow = self._added[end]
        pair = f"{name}: {scalar(value, None)}"
        if flow:
            return end, end, f", {pair}"
        newline = "\r\n" if "\r\n" in self._text else "\n"
        at = self._text.find(newline, end)
        at = len(self._text) if at < 0 else at
        return at, at, f"{newline}{' ' * self._indents[end]}{pair}"

    def _meant(self) -> Iterator[tuple[str, ...]]:
        """What the new text must say: the old text's events, with the new values in their places."""
        for event in yaml.parse(self._text, Loader=yaml.SafeLoader):
            if not isinstance(event, yaml.ScalarEvent):
                yield _shape(event)
                continue
            start, end = (mark.index if mark else 0 for mark in (event.start_mark, event.end_mark))
            start = _begin(self._text, start)
            changed = self._set.get(start)
            yield (*_shape(event)[:-1], changed[2]) if changed and changed[0] == end else _shape(event)
            for word in self._added[end][:2] if end in self._added else ():
                yield ("ScalarEvent", "", "", word)


def _said(text: str) -> Iterator[tuple[str, ...]]:
    return (_shape(event) for event in yaml.parse(text, Loader=yaml.SafeLoader))


def _shape(event: yaml.Event) -> tuple[str, ...]:
    parts: list[str] = [getattr(event, name, None) or "" for name in ("anchor", "tag", "value")]
    return (type(event).__name__, *parts)


def _begin(text: str, start: int) -> int:
    found = _PROPERTIES.match(text, start)
    return found.end() if found else start

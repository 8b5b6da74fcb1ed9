"""What `sealift lock` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from rich.console import Console
from rich.text import Text

from ci.terminal import clean, fold, say
from pipelines.lock import FILE, Difference, Locked
from pipelines.registry.pins import Since


@dataclass(frozen=True, kw_only=True)
class Became:
    """What has become of every entry: entry → `kept`, `new`, `updated` or `removed`.

    :param before, after: the entries themselves.
    """

    states: Mapping[str, str]
    before: Mapping[str, Locked]
    after: Mapping[str, Locked]

    @classmethod
    def of(cls, before: Mapping[str, Locked], after: Mapping[str, Locked]) -> Self:
        """By comparing them."""
        states = {}
        for entry in dict.fromkeys((*after, *before)):
            if entry not in before:
                states[entry] = "new"
            elif entry not in after:
                states[entry] = "removed"
            else:
                states[entry] = "kept" if before[entry] == after[entry] else "updated"
        return cls(states=states, before=before, after=after)

    @property
    def rebuilt(self) -> list[str]:
        """Images that no other machine has."""
        return sorted({entry.name for entry in self.after.values() if entry.rebuilt})

    def as_json(self) -> list[dict[str, Any]]:
        """For `--json`."""
        return [
            {
                "entry": entry,
                "state": state,
                "image": (self.after.get(entry) or self.before[entry]).name,
                "before": self.before[entry].index if entry in self.before else None,
                "after": self.after[entry].index if entry in self.after else None,
                "platforms": sorted(self.after[entry].platforms) if entry in self.after else [],
            }
            for entry, state in self.states.items()
        ]


def _line(console: Console, text: str) -> None:
    say(console, Text(fold(clean(text), console.width if console.file.isatty() else None)))


def write_locked(console: Console, became: Became) -> None:
    """A line for each entry, and their number."""
    for one in became.as_json():
        digests = dict.fromkeys(digest.short for digest in (one["before"], one["after"]) if digest)
        _line(console, f"{one['state']:<8} {_titled(one['entry'], one['image'])}  {' → '.join(digests)}")
    states = [state for state in became.states.values() if state != "kept"]
    count = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    _line(console, f"{FILE}: {len(became.after)} entries, {count or 'as they were'}.")


def _titled(entry: str, image: str) -> str:
    return entry if entry == image else f"{entry}, {image}"


def write_differences(console: Console, found: Sequence[Difference], *, there: bool) -> None:
    """What is out of date."""
    if not there:
        _line(console, f"there is no {FILE}")
    for one in found:
        _line(console, f"{one.kind:<9} {one.entry}: {one.what}")
    if found:
        _line(console, f"{FILE} is OUT OF DATE: 'sealift lock' mends it.")
    else:
        _line(console, f"{FILE} has everything that is wanted, and nothing else.")


def write_since(console: Console, found: Sequence[Since]) -> None:
    """What has moved, and what is newer."""
    for one in found:
        title = _titled(one.entry, one.locked.name)
        if one.failure:
            _line(console, f"unknown  {title}: {one.failure}")
        elif one.moved:
            now = f"names {one.now.short} now" if one.now else "is there no more"
            _line(console, f"moved    {title}: the tag {now}, not {one.locked.index.short}")
        if one.newer:
            _line(console, f"newer    {title}: {', '.join(one.newer)}")
    moved, newer = sum(one.moved for one in found), sum(bool(one.newer) for one in found)
    unknown = sum(bool(one.failure) for one in found)
    _line(
        console,
        f"{moved} of {len(found)} tags moved, {newer} have newer versions"
        + (f", and of {unknown} nothing is known." if unknown else "."),
    )

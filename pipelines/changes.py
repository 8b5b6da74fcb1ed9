"""How the parts of two images of one service and platform differ: layers, packages, findings, licences. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipelines.difference import Contents, commands
from pipelines.licences import named
from pipelines.model import Finding, Package
from pipelines.rescanned import in_order, same_name


@dataclass(frozen=True, kw_only=True)
class LayerChange:
    """A layer that only one of the images has, or that its command made anew.

    :param command: what made it; None if the history does not tell.
    :param before: compressed bytes; None if there was none.
    :param after: None if there is none any more.
    """

    command: str | None
    before: int | None
    after: int | None


@dataclass(frozen=True, kw_only=True)
class PackageChange:
    """A package by its name and kind, with every version of it that an image has."""

    name: str
    kind: str
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def what(self) -> str:
        """`added`, `removed` or `changed`."""
        return "changed" if self.before and self.after else "added" if self.after else "removed"


@dataclass(frozen=True, kw_only=True)
class _Layer:
    digest: str
    size: int
    command: str | None


def layers(before: Contents, after: Contents) -> tuple[LayerChange, ...]:
    """The layers that one of the images has and the other has not, in their order; those of one command are one change.

    What has become of which layer is told by the commands of the history; by the order, where they are the same.

    :raises KeyError, TypeError, ValueError: a manifest is not as the image specification has it.
    """
    old, new = _layers(before), _layers(after)
    shared = Counter(one.digest for one in old) & Counter(one.digest for one in new)
    gone = _without(old, shared)
    found = []
    for layer in _without(new, shared):
        was = next((one for one in gone if one.command == layer.command), None)
        if was is not None:
            gone.remove(was)
        found.append(LayerChange(command=layer.command, before=was.size if was else None, after=layer.size))
    return (*found, *(LayerChange(command=one.command, before=one.size, after=None) for one in gone))


def _layers(contents: Contents) -> list[_Layer]:
    found = contents.manifest["layers"]
    made: Sequence[str | None] = commands(contents.config, len(found)) or [None] * len(found)
    return [
        _Layer(digest=str(layer["digest"]), size=int(layer["size"]), command=command)
        for layer, command in zip(found, made, strict=True)
    ]


def _without(found: Iterable[_Layer], shared: Mapping[str, int]) -> list[_Layer]:
    left, rest = Counter(shared), []
    for layer in found:
        if left[layer.digest]:
            left[layer.digest] -= 1
        else:
            rest.append(layer)
    return rest


def packages(before: Iterable[Package], after: Iterable[Package]) -> tuple[PackageChange, ...]:
    """What is added, removed or there in other versions, by name."""
    old, new = _versions(before), _versions(after)
    return tuple(
        PackageChange(name=name, kind=kind, before=tuple(sorted(was)), after=tuple(sorted(now)))
        for name, kind in sorted(old.keys() | new.keys())
        if (was := old.get((name, kind), set())) != (now := new.get((name, kind), set()))
    )


def _versions(found: Iterable[Package]) -> dict[tuple[str, str], set[str]]:
    versions: dict[tuple[str, str], set[str]] = defaultdict(set)
    for package in found:
        versions[package.name, package.kind].add(package.version)
    return dict(versions)


def only(found: Sequence[Finding] | None, other: Sequence[Finding] | None) -> tuple[Finding, ...]:
    """The findings that the other scan has not, each once, the most severe first; none if a scan is not known.

    The same advisory for another version of the package is the same finding.
    """
    if found is None or other is None:
        return ()
    there = {_about(one) for one in other}
    return tuple({_about(one): one for one in in_order(found) if _about(one) not in there}.values())


def _about(finding: Finding) -> tuple[str, str]:
    return finding.id, same_name(finding.package)


def licences(before: Iterable[Package], after: Iterable[Package]) -> dict[str, tuple[str, ...]]:
    """Licence that no package had before → names of the packages that have it now."""
    known = {name for package in before for name in named(package.licence)}
    found: dict[str, set[str]] = defaultdict(set)
    for package in after:
        for name in named(package.licence):
            if name not in known:
                found[name].add(package.name)
    return {name: tuple(sorted(who)) for name, who in sorted(found.items())}

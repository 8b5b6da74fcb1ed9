"""What a run's images have that those of the last release had not, and the other way round. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pipelines.changes import LayerChange, PackageChange, layers, licences, only, packages
from pipelines.difference import Contents
from pipelines.model import Digest, Finding, Package, Platform, Unit
from pipelines.record import Record
from pipelines.rescanned import same_name


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One platform's image, as a run's reports, or what is attested to it, tell.

    :param size: compressed bytes of configuration and layers.
    :param seconds: that its run took for it, to build, boot, describe and scan it.
    :param made: `built`, `cached`, `reused` or `elsewhere`; see `model.Examined.made`.
    :param contents: its manifest and configuration.
    :param findings: None if no scan is known.
    """

    digest: Digest
    size: int
    seconds: float
    made: str
    contents: Contents = field(repr=False)
    packages: tuple[Package, ...] = field(repr=False)
    findings: tuple[Finding, ...] | None = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class NewFinding:
    """What only the later scan found.

    :param known_since: the package is in the earlier image as it is: it is the advisory that is new, not the package.
    """

    finding: Finding
    known_since: bool


@dataclass(frozen=True, kw_only=True)
class PlatformDelta:
    """One platform's image before and after.

    :param before: None if the release has no image for it; then all is new, and nothing is listed.
    :param after: None if the run has none.
    :param same: digest of the image, where it is the same one: nothing else is known of it, or of need.
    """

    unit: Unit
    before: Seen | None = None
    after: Seen | None = None
    same: Digest | None = None

    @property
    def _both(self) -> tuple[Seen, Seen] | None:
        return (self.before, self.after) if self.before and self.after else None

    @property
    def scanned(self) -> bool:
        """Whether both scans are known, so that their findings can be compared."""
        return self._both is not None and all(seen.findings is not None for seen in self._both)

    @cached_property
    def layers(self) -> tuple[LayerChange, ...]:
        return layers(self._both[0].contents, self._both[1].contents) if self._both else ()

    @cached_property
    def packages(self) -> tuple[PackageChange, ...]:
        return packages(self._both[0].packages, self._both[1].packages) if self._both else ()

    @cached_property
    def new(self) -> tuple[NewFinding, ...]:
        """The most severe first."""
        if self._both is None:
            return ()
        before, after = self._both
        there = {(same_name(one.name), one.version) for one in before.packages}
        return tuple(
            NewFinding(finding=one, known_since=(same_name(one.package), one.installed) in there)
            for one in only(after.findings, before.findings)
        )

    @cached_property
    def fixed(self) -> tuple[Finding, ...]:
        """The most severe first."""
        return only(self._both[0].findings, self._both[1].findings) if self._both else ()

    @cached_property
    def licences(self) -> Mapping[str, tuple[str, ...]]:
        """Licence that no package had before → the packages that have it now."""
        return licences(self._both[0].packages, self._both[1].packages) if self._both else {}


@dataclass(frozen=True, kw_only=True)
class ServiceDelta:
    """One service.

    :param release: id of the release that it is compared with; None if there is none.
    :param gone: the configuration has it no longer.
    """

    service: str
    release: str | None = None
    gone: bool = False
    platforms: tuple[PlatformDelta, ...] = ()

    @property
    def state(self) -> str:
        """`gone`, `new`, `same` or `changed`."""
        if self.gone:
            return "gone"
        if self.release is None:
            return "new"
        return "same" if self.platforms and all(one.same for one in self.platforms) else "changed"


@dataclass(frozen=True, kw_only=True)
class Delta:
    """A run against the last release.

    :param run: its id.
    :param environment: of the release.
    :param registry: that has it.
    :param releases: id of each release that a service is compared with → its version; none: there is no release yet.
    """

    run: str
    environment: str
    registry: str
    releases: Mapping[str, str | None]
    services: tuple[ServiceDelta, ...]


Pair = tuple[Digest | None, Digest | None]
"""Of one platform: its image in the release, and in the run."""


def digests(record: Record, last: Record | None, name: str) -> dict[Unit, Pair]:
    """Each platform of a service that the run or the release has an image for."""
    old = last.lot[name].platforms if last else {}
    new = {Platform(platform): Digest(unit.digest) for platform, unit in record.services[name].platforms.items()}
    return {
        Unit(service=name, platform=platform): (old.get(platform), new.get(platform))
        for platform in dict.fromkeys((*new, *old))
    }


def of_service(
    name: str, last: Record | None, pairs: Mapping[Unit, Pair], before: Mapping[Unit, Seen], after: Mapping[Unit, Seen]
) -> ServiceDelta:
    """What there is to say of a service of the run.

    :param before, after: of the images that differ.
    """
    return ServiceDelta(
        service=name,
        release=last.id if last else None,
        platforms=tuple(
            PlatformDelta(unit=unit, before=before.get(unit), after=after.get(unit), same=new if old == new else None)
            for unit, (old, new) in pairs.items()
        ),
    )

"""Which images of a user's manifests are the release's, and what they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from pipelines.config.problems import suggestion
from pipelines.errors import shown
from pipelines.images import DOCKER_HUB, repository_of
from pipelines.model import Target
from pipelines.record import Record

NO_RECORD = "has no record of"


@dataclass(frozen=True, kw_only=True)
class Ours:
    """An image of the release: the service, and the reference by digest that it becomes."""

    service: str
    reference: str


@dataclass(frozen=True, kw_only=True)
class Images:
    """What a release makes of images.

    :param target: the registry that all of them are pulled from afterwards; None: the one that each names now, and the
        release's first where it names none of the release's.
    :param mapped: repository as in `repository_of` → service whose image takes its place.
    :param kept: patterns of services, or of repositories as they are written, that are left alone although the
        release has no record of them.
    """

    record: Record
    target: Target | None = None
    mapped: Mapping[str, str] = field(default_factory=dict)
    kept: Sequence[str] = ()

    def ours(self, written: str) -> Ours | None:
        """What an image becomes; None if it is none of the release's.

        :raises ValueError: it should be, and is not; or it cannot be told.
        """
        repository = repository_of(written)
        if service := self.mapped.get(repository):
            return self._at(service, self.target or self.record.targets[0])
        for target in self.record.targets:
            service = repository.removeprefix(_prefix(target))
            if service != repository and service in self.record.lot:
                return self._at(service, self.target or target)
        self._check_other(written, repository)
        return None

    def _check_other(self, written: str, repository: str) -> None:
        if "$" in repository and not self._kept(written):
            raise ValueError(
                f"{shown(written)}: whose image it is depends on a variable;"
                " map it to a service with --map, or leave it with --keep"
            )
        for target in self.record.targets:
            name = repository.removeprefix(_prefix(target))
            if name == repository or self._kept(name) or self._kept(repository):
                continue
            near = suggestion(name, self.record.lot) or ";"
            raise ValueError(
                f"the release {self.record.id} {NO_RECORD} {shown(repository)}{near}"
                f" it has {', '.join(self.record.lot)}"
            )

    def _kept(self, name: str) -> bool:
        return any(fnmatchcase(name, pattern) for pattern in self.kept)

    def _at(self, service: str, target: Target) -> Ours:
        return Ours(service=service, reference=target.repository(service).at(self.record.lot[service].index))


def _prefix(target: Target) -> str:
    registry = "docker.io" if target.registry.lower() in DOCKER_HUB else target.registry.lower()
    return f"{registry}/{target.prefix}"

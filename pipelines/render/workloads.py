"""What a release record knows of the services to deploy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.config.problems import suggestion
from pipelines.errors import ConfigError, shown
from pipelines.model import OCI, Target
from pipelines.promotion import check_fit
from pipelines.record import Boot, Planned, Record, Service

_NUMERIC = re.compile(r"(?P<user>[0-9]+)(?::(?P<group>[0-9]+))?")


@dataclass(frozen=True, kw_only=True)
class User:
    """A user as numbers; no group: the image's."""

    id: int
    group: int | None = None

    def __str__(self) -> str:
        return f"{self.id}" if self.group is None else f"{self.id}:{self.group}"


@dataclass(frozen=True, kw_only=True)
class Workload:
    """One service to deploy.

    :param image: the reference, by digest.
    :param user: that the image runs as; None if it is a name, which Kubernetes cannot tell from root.
    :param boot: the health check that it passed; None if it is no server.
    """

    service: str
    image: str
    version: str | None
    user: User | None
    boot: Boot | None

    @property
    def root(self) -> bool:
        """Whether it runs as root."""
        return self.user is not None and self.user.id == 0


@dataclass(frozen=True, kw_only=True)
class Deployable:
    """A release, as manifests name it. `notes` are for whoever called, in words."""

    release: str
    project: str
    commit: str
    workloads: tuple[Workload, ...]
    notes: tuple[str, ...]


def chosen_target(record: Record, registry: str | None) -> Target:
    """The registry of a record that the manifests pull from: the first unless one is named.

    :param registry: `host[:port]`, or with the prefix, `host[:port]/prefix`.
    :raises ConfigError: the record has no such registry, or it was not published, or is not fit for that registry.
    """
    targets = [item for item in record.targets if registry is None or registry in (item.registry, str(item))]
    if not targets or (registry is not None and len(targets) > 1):
        which = "has several of" if targets else "was not published to"
        raise ConfigError(
            f"the release {record.id} {which} {shown(registry or '')}",
            remedy=f"name one of its registries with --registry: {', '.join(map(str, record.targets))}",
            step="render",
        )
    check_fit(record, targets[:1])
    return targets[0]


def check_services(record: Record, services: Sequence[str]) -> None:
    """:raises ConfigError: the release published no such service; all of them are named."""
    if missing := [name for name in services if name not in record.lot]:
        near = suggestion(missing[0], record.lot)
        raise ConfigError(
            f"the release {record.id} has no image of {', '.join(map(shown, missing))}{near}",
            remedy=f"it has images of {', '.join(record.lot)}",
            step="render",
        )


def deployable(record: Record, target: Target, services: Sequence[str] = ()) -> Deployable:
    """What is to be deployed of a release from one of its registries.

    :param services: only these; otherwise all that are servers. What is no server may be a mere base of another image.
    :raises ConfigError: there is no such service, or nothing to deploy, or the record does not know the health checks.
    """
    check_services(record, services)
    planned = {item.name: item for item in record.plan.services}
    notes: list[str] = []
    found = []
    for name in record.lot:
        if services and name not in services:
            continue
        boot = _boot(record, planned[name])
        if boot is None and not services:
            notes.append(f"{name} is left out: it has no boot check, so it is no server; --service {name} renders it")
            continue
        found.append(_workload(record, target, planned[name], boot))
    if not found:
        raise ConfigError(
            f"no service of the release {record.id} is a server",
            remedy="name what is to be rendered with --service",
            step="render",
        )
    notes += [_about_user(item) for item in found if item.user is None or item.root]
    return Deployable(
        release=record.id,
        project=record.plan.project,
        commit=record.plan.commit,
        workloads=tuple(found),
        notes=tuple(notes),
    )


def version_of(record: Record, service: str) -> str | None:
    """The version that a service was released under, or else what its image says of itself."""
    own = next((item.version for item in record.plan.services if item.name == service), None)
    return own or record.plan.version or _label(record.services[service], f"{OCI}version")


def _workload(record: Record, target: Target, planned: Planned, boot: Boot | None) -> Workload:
    name = planned.name
    return Workload(
        service=name,
        image=target.repository(name).at(record.lot[name].index),
        version=version_of(record, name),
        user=_user(record.services[name]),
        boot=boot,
    )


def _boot(record: Record, planned: Planned) -> Boot | None:
    if "boot" not in planned.model_fields_set:
        raise ConfigError(
            f"the record {record.id} does not say on which port {planned.name} answers:"
            " it was written by an earlier Sealift",
            remedy="release again with this one, or set the images of manifests that you have, with --update",
            service=planned.name,
            step="render",
        )
    return planned.boot


def _user(service: Service) -> User | None:
    """The user, if it is a number and the same on every platform. An image that names none runs as root."""
    users = {unit.user or "0" for unit in service.platforms.values()}
    found = _NUMERIC.fullmatch(users.pop()) if len(users) == 1 else None
    if found is None:
        return None
    return User(id=int(found["user"]), group=int(found["group"]) if found["group"] else None)


def _label(service: Service, key: str) -> str | None:
    return next((unit.labels[key] for unit in service.platforms.values() if key in unit.labels), None)


def _about_user(workload: Workload) -> str:
    if workload.root:
        return f"{workload.service} runs as root; nothing in the manifest forbids it"
    return (
        f"{workload.service} runs as a user that its image gives by name, or not the same on every platform: nothing"
        " can check that it is not root; write USER with a number in its Dockerfile"
    )

"""Where a service's files are, and whether they are there."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pipelines.config.problems import Finding, KeyPath
from pipelines.config.schema import Config, Environment, Service
from pipelines.errors import shown


@dataclass(frozen=True, kw_only=True)
class ServicePaths:
    """Both from the repository's root, without `.` and `..` in them."""

    context: PurePosixPath
    dockerfile: PurePosixPath


def resolve_paths(name: str, service: Service) -> ServicePaths:
    """A service's context (default `services/NAME`) and Dockerfile (default `CONTEXT/Dockerfile`).

    Pure: looks at no file. A path that leaves the root starts with `..` or `/`; `load` refuses those.
    """
    context = _normal(service.context or f"services/{name}")
    dockerfile = _normal(service.dockerfile) if service.dockerfile else context / "Dockerfile"
    return ServicePaths(context=context, dockerfile=dockerfile)


def _normal(path: str) -> PurePosixPath:
    return PurePosixPath(posixpath.normpath(path))


def check_files(root: Path, config: Config) -> Iterator[Finding]:
    """Contexts, Dockerfiles, and what policy and signing name: there, and in the root or the context. Reads no text."""
    real_root = root.resolve()
    for at, file in _named(config):
        if wrong := _wrong(real_root, _normal(file), folder=False):
            yield at, wrong
    for name, service in config.services.items():
        paths = resolve_paths(name, service)
        wrong = _wrong(real_root, paths.context, folder=True)
        if wrong:
            default = "" if service.context else " (the default for this service's context)"
            yield ("services", name, "context"), wrong + default
            # Below a folder that is not there, a Dockerfile that was not named is not a second problem.
            if not service.dockerfile:
                continue
        yield from _check_dockerfile(real_root, name, service, paths, context_is_there=not wrong)


def _named(config: Config) -> Iterator[tuple[KeyPath, str]]:
    """The files that the policy and the signing of the top level and of each environment name."""
    layers: dict[KeyPath, Config | Environment] = {(): config}
    layers |= {("environments", name): environment for name, environment in config.environments.items()}
    for key, layer in layers.items():
        if policy := layer.policy:
            if policy.ignores:
                yield (*key, "policy", "ignores"), policy.ignores
            yield from (((*key, "policy", "vex", number), file) for number, file in enumerate(policy.vex))
        if signing := layer.signing:
            for name in ("trusted_root", "signing_config"):
                if file := getattr(signing, name):
                    yield (*key, "signing", name), file


def _check_dockerfile(
    real_root: Path, name: str, service: Service, paths: ServicePaths, *, context_is_there: bool
) -> Iterator[Finding]:
    key = ("services", name, "dockerfile")
    if wrong := _wrong(real_root, paths.dockerfile, folder=False):
        default = "" if service.dockerfile else " (the default for this service's Dockerfile)"
        yield key, wrong + default
    elif not paths.dockerfile.is_relative_to(paths.context):
        yield key, f"{shown(str(paths.dockerfile))} is not inside the service's context, {shown(str(paths.context))}"
    elif context_is_there:
        real = (real_root / paths.dockerfile).resolve()
        if not real.is_relative_to((real_root / paths.context).resolve()):
            yield key, f"{shown(str(paths.dockerfile))} is a link that leads out of the service's context"


def _wrong(real_root: Path, path: PurePosixPath, *, folder: bool) -> str:
    """What is wrong with a path from the root; empty if nothing is."""
    kind = "folder" if folder else "file"
    if path.is_absolute() or "\\" in str(path):
        return f"{shown(str(path))} must be a path from the repository's root, with '/' between folders"
    if path.parts[:1] == ("..",):
        return f"{shown(str(path))} leads out of the repository"
    try:
        real = (real_root / path).resolve()
        exists, right_kind = real.exists(), real.is_dir() if folder else real.is_file()
    # RuntimeError is a loop of links, before Python 3.13.
    except (OSError, RuntimeError, ValueError) as error:
        why = "the link leads to itself" if isinstance(error, RuntimeError) else getattr(error, "strerror", None)
        return f"{shown(str(path))} cannot be looked at: {why or error}"
    if not real.is_relative_to(real_root):
        return f"{shown(str(path))} is a link that leads out of the repository"
    if not exists:
        return f"there is no {kind} {shown(str(path))}"
    return "" if right_kind else f"{shown(str(path))} is not a {kind}"

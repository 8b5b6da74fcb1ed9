"""The `sealift` command in a container of its own, as a client of the engine that runs it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import dagger
from dagger import dag

from pipelines import tools
from pipelines.config import is_loopback
from pipelines.errors import SealiftError
from pipelines.stages.toolbox import port_of

REGISTRY_ALIAS = "user-registry"
REGISTRY_VARIABLE = "SEALIFT_REGISTRY_HOST"
"""Host at which the command finds the registry on the user's loopback."""

_UV = "0.13.8"
_SECRETS = "/run/sealift"
_CODE = ["pyproject.toml", "uv.lock", "ci/**/*.py", "pipelines/**", "!**/__pycache__"]


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What the command works on; None is left out. Secrets become files, named by their variable.

    :param files, folders: path in the command's container → what is there.
    """

    source: dagger.Directory
    registry: dagger.Service | None
    secrets: Mapping[str, dagger.Secret | None] = field(default_factory=dict)
    variables: Mapping[str, str | None] = field(default_factory=dict)
    files: Mapping[str, dagger.File] = field(default_factory=dict)
    folders: Mapping[str, dagger.Directory] = field(default_factory=dict)


class Failed(SealiftError):
    """The command failed; the message is its own, with the remedy in it."""

    def __str__(self) -> str:
        return self.what


def runtime() -> dagger.Container:
    """Python with the locked dependencies, and the code of this module."""
    code = dag.current_module().source().directory(".").filter(include=_CODE)
    locked = code.filter(include=["pyproject.toml", "uv.lock"])
    return (
        dag.container()
        .from_(tools.PROBE.image)
        .with_mounted_cache("/root/.cache/uv", dag.cache_volume("sealift-uv"))
        .with_mounted_cache("/root/.cache/pip", dag.cache_volume("sealift-pip"))
        .with_env_variable("UV_LINK_MODE", "copy")
        .with_env_variable("UV_COMPILE_BYTECODE", "1")
        .with_env_variable("UV_PYTHON_DOWNLOADS", "never")
        .with_exec(["python3", "-m", "pip", "install", "--quiet", "--target=/opt/uv", f"uv=={_UV}"])
        .with_directory("/sealift", locked)
        .with_workdir("/sealift")
        .with_exec(["/opt/uv/bin/uv", "sync", "--frozen", "--no-dev", "--no-install-project"])
        .with_directory("/sealift", code)
        .with_env_variable("PYTHONPATH", "/sealift")
        .with_env_variable("PATH", "/sealift/.venv/bin:/usr/local/bin:/usr/bin:/bin")
    )


async def command(inputs: Inputs, arguments: Sequence[str]) -> dagger.Container:
    """Run `sealift` with these arguments on a copy of the repository; the container when it is done.

    :raises Failed: the command ended with an error; the message is what it said.
    """
    container = runtime().with_directory("/repository", inputs.source).with_workdir("/repository")
    container = container.with_directory("/out", dag.directory()).with_env_variable("SEALIFT_CALL", os.urandom(8).hex())
    for name, secret in inputs.secrets.items():
        if secret is not None:
            container = container.with_mounted_secret(f"{_SECRETS}/{name}", secret)
            container = container.with_env_variable(name, f"file://{_SECRETS}/{name}")
    for path, file in inputs.files.items():
        container = container.with_file(path, file)
    for path, folder in inputs.folders.items():
        container = container.with_directory(path, folder)
    for name, value in inputs.variables.items():
        if value:
            container = container.with_env_variable(name, value)
    if inputs.registry is not None:
        container = container.with_service_binding(REGISTRY_ALIAS, inputs.registry)
        container = container.with_env_variable(REGISTRY_VARIABLE, REGISTRY_ALIAS)
    try:
        return await container.with_exec(
            ["python3", "-m", "ci", *arguments], experimental_privileged_nesting=True
        ).sync()
    except dagger.ExecError as failure:
        # Standard error holds the progress too; the command's own error comes last, behind this word. A refusal by
        # the gate is no error but an outcome, which the command says on standard output.
        _, error, said = f"\n{failure.stderr}".rpartition("\nerror:")
        said = said.strip() if error else failure.stdout.strip()
        raise Failed(said, remedy="the message says it") from failure


def host_inside(environ: Mapping[str, str], registry: str) -> str | None:
    """Where a registry on the user's loopback is, for a command that does not run on the user's machine itself."""
    host = environ.get(REGISTRY_VARIABLE)
    return f"{host}:{port_of(registry)}" if host and is_loopback(registry) else None

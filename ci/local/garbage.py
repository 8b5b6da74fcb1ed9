"""Garbage collection of the registry that `sealift up` started: what no manifest names any more leaves its disk.

Distribution's own `garbage-collect` deletes what a push has sent and not named yet, so it must run while there are no
pushes: the registry is stopped for that time, and started again however it ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ci.local.locks import locked
from ci.local.official import REGISTRY_IMAGE
from ci.local.processes import end
from ci.local.record import Ledger
from ci.local.registry import answers, start_registry
from ci.local.setup import Setup
from ci.local.storage import Ours, find_ours, uploading, usage
from ci.local.toolchain import REGISTRY, tool_folder
from pipelines.errors import EngineError, RegistryError

_PATIENCE = 60
"""Seconds that a push which is under way is waited for."""
_UNTAGGED = "--delete-untagged=false"
"""Platforms of an index have no tags; Distribution cannot tell them from what nobody needs."""
_CONFIG = "/etc/distribution/config.yml"


@dataclass(frozen=True, kw_only=True)
class Collected:
    """Bytes on disk before and after."""

    before: int
    after: int

    @property
    def freed(self) -> int:
        return max(0, self.before - self.after)


def collect(setup: Setup, registry: str, pause: Callable[[float], None] = time.sleep) -> Collected:
    """Collect the garbage of the registry at an address.

    :raises RegistryError: it is not ours; somebody pushes; it failed, or the registry did not come back.
    """
    # Nobody brings it up in the meantime.
    with locked(setup.paths.state / "lock", setup.report):
        ours = find_ours(setup, registry)
        if ours is None:
            raise RegistryError(
                f"{registry} is no registry that `sealift up` started and that runs: its garbage is not ours",
                remedy="run `registry garbage-collect CONFIG --delete-untagged=false` where it runs, while it is"
                " read-only or stopped; docs/retention.md has more",
                step="gc",
            )
        before = usage(setup, ours).held
        if ours.container is None:
            _process(setup, ours, pause)
        else:
            _container(setup, ours, ours.container, pause)
        return Collected(before=before, after=usage(setup, ours).held)


def _process(setup: Setup, ours: Ours, pause: Callable[[float], None]) -> None:
    """In the assembled mode."""
    binary = tool_folder(setup, REGISTRY) / "registry"
    config = setup.paths.state / ours.local.name / "config.json"
    _no_push(ours, pause)
    assert ours.process is not None  # noqa: S101 - find_ours has it, or a container
    end(ours.process)
    try:
        # OTEL_* and REGISTRY_* variables of the user's are not meant for it.
        environment = {"PATH": setup.environment.get("PATH", ""), "OTEL_TRACES_EXPORTER": "none"}
        _watch(setup, [str(binary), "garbage-collect", str(config), _UNTAGGED], environment)
    finally:
        Ledger(setup.paths.record).process("registry", start_registry(setup, ours.local))


def _no_push(ours: Ours, pause: Callable[[float], None]) -> None:
    for _ in range(_PATIENCE):
        data = next(uploading(ours), None)
        if data is None:
            return
        pause(1)
    raise RegistryError(
        f"somebody pushes to {ours.local.address}: {data}",
        remedy="wait for the end of the push, and run the command again",
        step="gc",
    )


def _container(setup: Setup, ours: Ours, container: tuple[str, str], pause: Callable[[float], None]) -> None:
    """With the official image, on the volumes of the container, which is stopped."""
    tool, name = container
    stopped = setup.runner.run([tool, "stop", name], timeout=120)
    try:
        if not stopped.ok:
            raise RegistryError(
                f"{tool} stop {name} failed: {(stopped.errors or stopped.output).strip()}",
                remedy="nothing was collected; look what the container does",
                step="gc",
            )
        # The container's settings came by variables, of which only this one matters here.
        enabled = ["--env", "REGISTRY_STORAGE_DELETE_ENABLED=true", "--env", "OTEL_TRACES_EXPORTER=none"]
        command = [tool, "run", "--rm", "--volumes-from", name, *enabled, REGISTRY_IMAGE]
        _watch(setup, [*command, "garbage-collect", _CONFIG, _UNTAGGED], setup.environment)
    finally:
        setup.runner.run([tool, "start", name], timeout=120)
        _wait(ours, tool, name, pause)


def _wait(ours: Ours, tool: str, name: str, pause: Callable[[float], None]) -> None:
    for _ in range(100):
        if answers(ours.local.port):
            return
        pause(0.1)
    raise RegistryError(
        f"the registry's container did not come back after the collection: {ours.local.address} does not answer",
        remedy=f"read `{tool} logs {name}`; `sealift up` starts it again",
        step="gc",
    )


def _watch(setup: Setup, command: list[str], environment: Mapping[str, str]) -> None:
    try:
        setup.runner.watch(
            command,
            title="collecting the registry's garbage; it takes no requests meanwhile",
            report=setup.report,
            environment=environment,
        )
    except EngineError as failure:
        raise RegistryError(
            failure.what, remedy="nothing that is named was deleted; read its last lines above", step="gc"
        ) from failure

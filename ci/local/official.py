"""Modes (a) and (b): an engine that somebody else runs, or the official images with this machine's container tool."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ci.local.paths import require
from ci.local.registry import Local, answers, check_port
from ci.local.setup import Setup
from ci.local.toolchain import DAGGER, REGISTRY, cli_folder
from pipelines.errors import EngineError, RegistryError

ENGINE_IMAGE = f"registry.dagger.io/engine:v{DAGGER.version}"
REGISTRY_IMAGE = f"docker.io/library/registry:{REGISTRY.version}"
REGISTRY_CONTAINER = "sealift-registry"
RUNNER_HOST = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
CLI_VARIABLE = "_EXPERIMENTAL_DAGGER_CLI_BIN"
TOOLS = ("docker", "podman", "nerdctl")
_ANSWER = 10.0
"""Seconds that a container tool's daemon has to answer."""
_PULL = 900.0
"""Seconds that pulling the engine's image may take; it is some 200 MB."""


def live_tool(setup: Setup) -> list[str]:
    """The container tools on PATH whose daemon answers."""
    return [tool for tool in TOOLS if setup.runner.which(tool) and setup.runner.run([tool, "info"], timeout=_ANSWER).ok]


def official_tool(setup: Setup) -> str | None:
    """The first container tool that has, or can pull, the official engine image."""
    return _tool_with(setup, ENGINE_IMAGE)


def registry_tool(setup: Setup) -> str | None:
    """The first container tool that has, or can pull, the official registry image."""
    return _tool_with(setup, REGISTRY_IMAGE)


def _tool_with(setup: Setup, image: str) -> str | None:
    for tool in live_tool(setup):
        if setup.runner.run([tool, "image", "inspect", image]).ok:
            return tool
        try:
            setup.runner.watch([tool, "pull", image], title=f"pulling {image} with {tool}", report=setup.report)
        except EngineError as error:
            setup.report(f"{tool} cannot have the official image: {_last_line(error.what)}")
        else:
            return tool
    return None


def official_addresses() -> list[str]:
    """The addresses that mode (b) exports."""
    return [f"image+{tool}://{ENGINE_IMAGE}" for tool in TOOLS]


def official_environment(tool: str, cli: Path) -> Mapping[str, str]:
    """Names the driver, for automatic detection takes a `docker` client without a daemon for an engine."""
    return {RUNNER_HOST: f"image+{tool}://{ENGINE_IMAGE}", CLI_VARIABLE: str(cli)}


def find_cli(setup: Setup) -> Path:
    """The `dagger` command of our version: one that is named or on PATH, else the official download, else built."""
    named = setup.environment.get(CLI_VARIABLE)
    if named and Path(named).exists():
        return Path(named)
    found = setup.runner.which("dagger")
    # `dagger version` prints `dagger v0.21.8 (…) linux/amd64`.
    if found and f" v{DAGGER.version} " in setup.runner.run([found, "version"]).output:
        return found
    try:
        return _download(setup)
    except EngineError as error:
        if sys.platform != "linux":
            raise
        setup.report(f"{error.what}: building it instead")
        return cli_folder(setup) / "dagger"


def _download(setup: Setup) -> Path:
    """The official CLI with dagger-io's own downloader, which checks it against the published checksums."""
    from dagger.provisioning._download import Downloader
    from dagger.provisioning._exceptions import DownloadError

    link = setup.paths.cache / "official" / DAGGER.version / "dagger"
    if link.exists():
        return link
    require(setup.paths.cache, setup.environment)
    downloader = Downloader(version=DAGGER.version)
    folder = link.parent / "download"
    folder.mkdir(parents=True, exist_ok=True)
    downloader.cache_dir = folder
    setup.report(f"downloading the dagger command {DAGGER.version} …")
    try:
        downloaded = Path(downloader.get_sync())
    except (DownloadError, OSError) as error:
        raise EngineError(
            f"the dagger command could not be downloaded ({_last_line(str(error))})",
            remedy=f"install dagger {DAGGER.version}, or name it with {CLI_VARIABLE}",
        ) from error
    link.unlink(missing_ok=True)
    link.symlink_to(downloaded)
    return link


def registry_container(setup: Setup, tool: str, registry: Local, pause: Callable[[float], None] = time.sleep) -> str:
    """Start the official registry image on the loopback, with a named volume; returns the container's name."""
    setup.report(f"starting the registry on {registry.address}")
    # One of ours from before the machine was restarted: its volume holds the images.
    setup.runner.run([tool, "rm", "--force", REGISTRY_CONTAINER])
    check_port(registry)
    done = setup.runner.run(
        [
            *(tool, "run", "--detach", "--name", REGISTRY_CONTAINER, "--restart", "unless-stopped"),
            *("--publish", f"127.0.0.1:{registry.port}:5000", "--volume", f"{REGISTRY_CONTAINER}:/var/lib/registry"),
            *("--env", "REGISTRY_STORAGE_DELETE_ENABLED=true", "--env", "OTEL_TRACES_EXPORTER=none", REGISTRY_IMAGE),
        ],
        timeout=_PULL,
    )
    for _ in range(100 if done.ok else 0):
        if answers(registry.port):
            return REGISTRY_CONTAINER
        pause(0.1)
    raise RegistryError(
        f"the registry's container did not start: {_last_line(done.errors or done.output) or 'no answer'}",
        remedy=f"read `{tool} logs {REGISTRY_CONTAINER}`; another port is chosen with {registry.variable}=PORT",
    )


def remove_container(setup: Setup, tool: str, name: str, *, purge: bool) -> bool:
    """Remove the registry's container, with its volume if `purge`; returns whether it was there."""
    done = setup.runner.run([tool, "rm", "--force", name])
    if purge:
        setup.runner.run([tool, "volume", "rm", "--force", name])
    return done.ok and name in done.output


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else ""

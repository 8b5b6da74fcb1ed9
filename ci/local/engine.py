"""The engine's container: started, found again, ended."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from ci.local.engine_image import engine_image_key
from ci.local.mirror import UPSTREAMS
from ci.local.paths import find_paths
from ci.local.podman import Podman
from ci.local.registry import Local
from ci.local.setup import Setup, fingerprint
from pipelines.errors import EngineError

CONTAINER = "sealift-engine"
_STATE_LABEL = "dev.sealift.state"
# The engine's own rule empties its cache whenever less than a fifth of the disk is free, so that on a well-filled disk
# every run starts cold. These bounds are absolute.
_GC = {"reservedSpace": "10GB", "maxUsedSpace": "40GB", "minFreeSpace": "4GB"}
_PAUSE, _SAY, _LONGEST = 0.25, 15.0, 1800.0
"""Seconds between two looks for the engine, between two words about it, and until it is given up.

An engine that was killed, or whose machine was, empties its cache before it listens: 12 GB of many small files took
minutes on a slow disk (seen).
"""
_LONGEST_SOCKET_PATH = 107
"""unix(7): sun_path holds 108 bytes with the final zero."""


def engine_config(mirror: Local, registry: Local) -> dict[str, object]:
    """`engine.json`: where images come from. The engine reads it when it starts and not again."""
    mirrors = {upstream: {"mirrors": [f"{mirror.address}/{upstream}"]} for upstream in UPSTREAMS}
    return {
        "gc": _GC,
        # Takes away what no build step is to have: the host's network as well as root's capabilities, wherever they are
        # asked for, an ONBUILD of a base image too (Dagger 0.21.8: engine/server/server.go).
        "security": {"insecureRootCapabilities": False},
        "registries": {**mirrors, mirror.address: {"http": True}, registry.address: {"http": True}},
    }


def engine_key(setup: Setup, config: dict[str, object]) -> str:
    """Changes when a running engine is no longer the one that we would start."""
    return fingerprint(engine_image_key(setup), json.dumps(config, sort_keys=True))


def socket_path(setup: Setup) -> Path:
    """Where the engine listens. A socket that only its owner may open, for whoever reaches an engine is root."""
    path = setup.paths.state / "run" / "engine.sock"
    if len(os.fsencode(path)) > _LONGEST_SOCKET_PATH:
        raise EngineError(
            f"{path} is too long for the name of a socket ({_LONGEST_SOCKET_PATH} bytes)",
            remedy="set SEALIFT_STATE_DIR to a folder with a shorter name",
        )
    return path


def engine_address(setup: Setup) -> str:
    """Where clients find the engine."""
    return f"unix://{socket_path(setup)}"


def listens(path: Path) -> bool:
    """Does an engine take connections on that socket?"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(2)
        try:
            connection.connect(str(path))
        except OSError:
            return False
    return True


def busy(table: Path = Path("/proc/net/unix")) -> bool:
    """Is somebody connected to an engine on this machine's network? (A connected socket has state 03.)"""
    try:
        rows = [row.split() for row in table.read_text().splitlines()[1:]]
    except OSError:
        return False
    return any(row[5] == "03" and row[-1].endswith("/engine.sock") for row in rows)


def start_engine(
    setup: Setup, podman: Podman, mirror: Local, config: dict[str, object], pause: Callable[[float], None] = time.sleep
) -> str:
    """Start a new container, in place of one that is there; returns its id."""
    _check_alone(setup, podman)
    image = podman.image(mirror)
    state, run = setup.paths.state / "engine", socket_path(setup).parent
    for folder in (state, run):
        folder.mkdir(parents=True, exist_ok=True)
    run.chmod(0o700)
    file = setup.paths.state / "engine.json"
    file.write_text(json.dumps(config, indent=1, sort_keys=True))
    setup.report("starting the engine …")
    podman.run("rm", "--force", "--time", "20", container_name(setup))
    socket_path(setup).unlink(missing_ok=True)
    container = podman.check(
        *("run", "--detach", "--name", container_name(setup), "--privileged", "--network", "host"),
        *("--pids-limit", "-1", "--log-opt", "max-size=20mb", "--label", f"{_STATE_LABEL}={setup.paths.state}"),
        *("--volume", f"{state}:/var/lib/dagger", "--volume", f"{run}:/run/dagger"),
        *("--volume", f"{file}:/etc/dagger/engine.json:ro"),
        *(image, "--addr", "unix:///run/dagger/engine.sock", "--group", str(os.getgid())),
    )
    _wait(setup, podman, container, pause)
    podman.forget_images(except_for=image)
    return container


def container_name(setup: Setup) -> str:
    """`sealift-engine`; an engine that keeps its state elsewhere than usual has a name of its own."""
    state = setup.paths.state
    return CONTAINER if state == find_paths({}).state else f"{CONTAINER}-{fingerprint(str(state))}"


def _check_alone(setup: Setup, podman: Podman) -> None:
    """EngineError if an engine with another state runs on this network: both would want the same bridge (tried).

    Each network namespace is a network of its own; the name of a container counts on the whole machine.
    """
    listed = podman.run("ps", "--filter", f"label={_STATE_LABEL}", "--format", "json").output
    for engine in json.loads(listed or "[]"):
        state = engine["Labels"][_STATE_LABEL]
        if state == str(setup.paths.state):
            continue
        if container_name(setup) in engine["Names"] or _shares_network(setup, engine["Pid"]):
            raise EngineError(
                f"an engine that keeps its state in {state} is running, and a network can hold only one assembled one",
                remedy=f"stop it (`SEALIFT_STATE_DIR={state} sealift down`), or use it",
            )


def _shares_network(setup: Setup, pid: int) -> bool:
    """Is that process, which is root's, on the network that we are on?"""
    theirs = setup.runner.run(setup.as_root(["readlink", f"/proc/{pid}/ns/net"]))
    return theirs.ok and theirs.output.strip() == str(Path("/proc/self/ns/net").readlink())


def _wait(setup: Setup, podman: Podman, container: str, pause: Callable[[float], None]) -> None:
    fault = f"did not listen within {_LONGEST / 60:.0f} minutes"
    for look in range(1, int(_LONGEST / _PAUSE)):
        if listens(socket_path(setup)):
            return
        if podman.run("inspect", "--format", "{{.State.Running}}", container).output.strip() == "false":
            fault = "did not start"
            break
        if look % (_SAY / _PAUSE) == 0:
            setup.report(_slow(podman, container))
        pause(_PAUSE)
    log = podman.run("logs", "--tail", "15", container)
    raise EngineError(
        f"the engine {fault}:\n{(log.output + log.errors).strip()}",
        remedy="`sealift doctor` checks this machine; `sealift down` and `sealift up` start it anew",
    )


def _slow(podman: Podman, container: str) -> str:
    log = podman.run("logs", container)
    if "unclean" in log.output + log.errors:
        return "the engine was not ended properly last time: it empties its cache before it takes work …"
    return "still starting the engine …"


def stop_engine(podman: Podman, container: str) -> bool:
    """Stop and remove the container of that id; returns whether it was there."""
    if not podman.run("container", "exists", container).ok:
        return False
    # Podman fails where a container that it kills ends at that very moment (4.3, seen): the second time it is gone.
    if not podman.run("rm", "--force", "--time", "60", container).ok:
        podman.check("rm", "--force", "--time", "20", container)
    return True

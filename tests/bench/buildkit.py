"""Plain BuildKit: buildkitd, and one `buildctl build` for each service."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from ci.local.engine import listens
from ci.local.mirror import UPSTREAMS
from ci.local.podman import Podman, read_kernel
from ci.local.registry import Local
from ci.local.setup import Setup
from ci.local.toolchain import Tool, tool_folder
from pipelines.errors import EngineError, ToolError
from tests.bench.blobs import blobs
from tests.bench.cgroup import Cgroup, find_cgroup
from tests.bench.meter import Meter
from tests.bench.samples import Moved, Outcome
from tests.bench.subject import Work
from tests.bench.target import Target, Uploads

_VERSION = "github.com/moby/buildkit/version.Version"
BUILDKIT = Tool("buildkit", "0.31.1", {_VERSION: "v0.31.1"})
_CONTAINER = "sealift-bench-buildkitd"


class BuildKit:
    """buildkitd in a container of the same kind and root as the Dagger engine's, on the same network."""

    name = "buildkit"

    def __init__(self, setup: Setup, mirror: Local, target: Target, folder: Path) -> None:
        self._setup = setup
        self._mirror = mirror
        self._target = target
        self._folder = folder
        self._podman = Podman(setup, read_kernel())
        self._programs = tool_folder(setup, BUILDKIT)
        self._container = ""
        # No spans: buildctl gives them 50 ms to be sent, and fails after that, though all else was done (seen).
        self._environment = {**setup.environment, "OTEL_TRACES_SAMPLER": "always_off"}

    def start(self) -> None:
        """Start buildkitd, with nothing in its cache.

        :raises EngineError: it does not answer.
        """
        self.stop()
        state, run = self._folder / "state", self._folder / "run"
        for folder in (state, run):
            folder.mkdir(parents=True)
        self._folder.chmod(0o700)
        config = self._folder / "buildkitd.toml"
        config.write_text(_config(self._mirror.address, self._target.address))
        self._container = self._podman.check(
            *("run", "--detach", "--name", _CONTAINER, "--privileged", "--network", "host", "--pids-limit", "-1"),
            *("--volume", f"{state}:/var/lib/buildkit", "--volume", f"{run}:/run/buildkit"),
            *(
                "--volume",
                f"{self._programs}:/opt/buildkit:ro",
                "--volume",
                f"{config}:/etc/buildkit/buildkitd.toml:ro",
            ),
            *("--entrypoint", "/opt/buildkit/buildkitd", self._podman.image(self._mirror)),
        )
        for _ in range(100):
            if listens(run / "buildkitd.sock"):
                return
            time.sleep(0.1)
        log = self._podman.run("logs", "--tail", "15", self._container)
        raise EngineError(f"buildkitd did not start:\n{log.output}{log.errors}", remedy="read its last lines above")

    def stop(self) -> None:
        """Stop buildkitd, by its id or, where an earlier benchmark was killed, by its name, and remove its state."""
        self._podman.run("rm", "--force", "--time", "10", self._container or _CONTAINER)
        self._container = ""
        shutil.rmtree(self._folder, ignore_errors=True)

    def engine(self) -> Cgroup:
        pid = self._podman.check("inspect", "--format", "{{.State.Pid}}", self._container)
        return find_cgroup(int(pid), self._container)

    def empty(self) -> None:
        command = [*self._buildctl(), "prune", "--all"]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ToolError(f"buildctl prune: {done.stderr.strip()}", remedy="run the benchmark again")
        self._target.empty()

    def before(self) -> None:
        self._uploads = self._target.uploads()
        self._began = time.time()

    def moved(self) -> Moved:
        return target_moved(self._target, self._uploads, self._began)

    def run(self, work: Work, meter: Meter) -> Callable[[], Outcome]:
        """At most `jobs` services at once; one that stands on another starts when that one is pushed."""
        digests: dict[str, str] = {}
        waiting = {service["name"]: service for service in work.plan["services"]}
        running: dict[Future[str], str] = {}
        with ThreadPoolExecutor(work.scenario.jobs) as pool:
            while waiting or running:
                for name in [name for name, service in waiting.items() if set(service["needs"]) <= set(digests)]:
                    bases = {need: digests[need] for need in waiting[name]["needs"]}
                    running[pool.submit(self._build, work, waiting.pop(name), bases, meter)] = name
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    digests[running.pop(future)] = future.result()
        return lambda: Outcome(digests=digests)

    def _build(self, work: Work, service: Mapping[str, Any], bases: Mapping[str, str], meter: Meter) -> str:
        """Build a service for all platforms and push it; the digest of what was pushed."""
        metadata = self._folder / f"{service['name']}.json"
        arguments = [
            *self._buildctl(),
            *build_arguments(work.root, service, work.scenario.platforms, bases, self._target.address),
        ]
        meter.run([*arguments, "--metadata-file", metadata], environment=self._environment, folder=work.root)
        return str(json.loads(metadata.read_text())["containerimage.digest"])

    def _buildctl(self) -> list[str]:
        address = f"unix://{self._folder / 'run' / 'buildkitd.sock'}"
        # Its own 5 s for a connection are not enough when both cores are at work.
        return [str(self._programs / "buildctl"), "--timeout", "60", "--addr", address]


def build_arguments(
    root: Path, service: Mapping[str, Any], platforms: tuple[str, ...], bases: Mapping[str, str], registry: str
) -> list[str]:
    """What follows `buildctl`: the plan's Dockerfile, context, target and arguments.

    BuildKit knows the build platform by itself. It attests provenance if any option is about that, one that disables it
    included (tried). Sealift's own is made when it signs, which is not what is compared, so nothing is said.

    :param bases: digest, in `registry`, of every service that this one is built on.
    """
    context = root / service["context"]
    dockerfile = root / service["dockerfile"]
    options = {
        "platform": ",".join(platforms),
        "filename": dockerfile.name,
        **({"target": service["target"]} if service["target"] else {}),
        **{f"build-arg:{name}": value for name, value in service["args"].items()},
        **{f"build-arg:{arg}": f"{registry}/{need}@{bases[need]}" for need, arg in service["needs"].items()},
    }
    return [
        *("build", "--progress", "plain", "--frontend", "dockerfile.v0"),
        *("--local", f"context={context}", "--local", f"dockerfile={dockerfile.parent}"),
        *(word for name, value in options.items() for word in ("--opt", f"{name}={value}")),
        *("--output", f"type=image,name={registry}/{service['name']}:bench,push=true,oci-mediatypes=true"),
    ]


def target_moved(target: Target, before: Uploads, began: float) -> Moved:
    """What the target registry received since `began`."""
    uploads = target.uploads().since(before)
    new = [blob for blob in blobs(target.storage) if blob["written"] >= began]
    layers = sum(blob["bytes"] for blob in new if blob["layer"])
    return Moved(uploads=uploads.count, uploaded=uploads.bytes, target_layers=layers, requests=uploads.requests)


def _config(mirror: str, target: str) -> str:
    """buildkitd.toml: the Dagger engine's mirrors, and no collection of garbage in the middle of a run."""
    mirrors = "".join(f'[registry."{name}"]\n  mirrors = ["{mirror}/{name}"]\n' for name in UPSTREAMS)
    plain = "".join(f'[registry."{name}"]\n  http = true\n' for name in (mirror, target))
    return f"[worker.oci]\n  enabled = true\n  gc = false\n[worker.containerd]\n  enabled = false\n{mirrors}{plain}"

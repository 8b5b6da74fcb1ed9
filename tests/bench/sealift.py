"""Sealift, without its gate (`build`: into the quarantine) and with it (`build-all`: to the registry)."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import dagger

from ci.local.record import load_record
from ci.local.setup import Setup
from ci.reach import RUNNER_HOST
from ci.session import connected
from pipelines.errors import EngineError, ToolError
from pipelines.stages.quarantine_service import quarantine_volume
from tests.bench import blobs
from tests.bench.buildkit import target_moved
from tests.bench.cgroup import Cgroups, find_cgroup
from tests.bench.checkout import PROJECT
from tests.bench.meter import Meter
from tests.bench.samples import Moved, Outcome, Step
from tests.bench.subject import Work
from tests.bench.target import Target
from tests.faults.machine import Machine

_COMMAND = Path(sys.executable).parent / "sealift"
_LISTER = "python:3.11-slim-bookworm"
_STEP = re.compile(r"\[ *([0-9.]+)s\] ✓ (.{16}) (.{32}) +([0-9.]+)s")


class Sealift:
    """The `sealift` command of this environment, on the engine that `sealift up` gave.

    :param gate: with everything, or only up to the quarantine.
    :param second: another machine, whose engine builds too.
    """

    def __init__(
        self,
        setup: Setup,
        engine: Mapping[str, str],
        target: Target,
        folder: Path,
        *,
        gate: bool,
        second: Machine | None = None,
    ) -> None:
        self.name = "sealift-gate" if gate else "sealift-build"
        self._setup = setup
        self._engine = engine
        self._target = target
        self._folder = folder
        self._gate = gate
        self._second = second if gate else None
        self.environment = {
            **setup.environment,
            **engine,
            "DOCKER_REGISTRY": target.address,
            "SEALIFT_KEYS_DIR": str(folder / "keys"),
        }

    def engine(self) -> Cgroups:
        tool, container = load_record(self._setup.paths.record).containers["engine"]
        command = self._setup.as_root([tool, "inspect", "--format", "{{.State.Pid}}", container])
        own = find_cgroup(int(self._setup.runner.run(command).output), container)
        if self._second is None:
            return Cgroups((own,))
        return Cgroups((own, find_cgroup(self._second.engine(), self._second.container())))

    def empty(self) -> None:
        """:raises EngineError: the engine kept something."""
        anyio.run(self._prune)
        self._target.empty()
        held = anyio.run(self._quarantined)
        if held:
            raise EngineError(
                f"the quarantine still holds {len(held)} blobs after the engine's cache was pruned",
                remedy="wait until no other run uses the engine, and start the benchmark again",
            )
        anyio.run(self._prune)

    def before(self) -> None:
        self._uploads = self._target.uploads()
        self._began = time.time()

    def moved(self) -> Moved:
        moved = target_moved(self._target, self._uploads, self._began)
        new = [blob for blob in anyio.run(self._quarantined) if blob["written"] >= self._began]
        return replace(
            moved,
            entered=len(new),
            entered_bytes=sum(blob["bytes"] for blob in new),
            entered_layers=sum(blob["bytes"] for blob in new if blob["layer"]),
        )

    def run(self, work: Work, meter: Meter) -> Callable[[], Outcome]:
        platforms = [word for platform in work.scenario.platforms for word in ("--platform", platform)]
        services = [word for service in work.plan["services"] for word in ("--service", service["name"])]
        verb = "build-all" if self._gate else "build"
        engines = [self._engine[RUNNER_HOST], self._second.address()] if self._second else []
        pool = [f"--engine={address}" for address in engines]
        arguments = [verb, "--json", "--jobs", str(work.scenario.jobs), *platforms, *services, *pool]
        trace = work.root / "dist" / "trace.json"
        trace.unlink(missing_ok=True)
        output = meter.run([_COMMAND, *arguments], environment=self.environment, folder=work.root)

        def outcome() -> Outcome:
            taken = tuple(steps(meter.log.read_text(errors="replace").splitlines()))
            if not self._gate:
                return of_rows(json.loads(output), taken)
            said = self._ask("trace", "--json", folder=work.root) if trace.exists() else None
            return replace(of_record(json.loads(output), taken), trace=said)

        return outcome

    def plan(self, root: Path, services: Iterable[str]) -> dict[str, Any]:
        """What `sealift plan --json` says."""
        return self._ask("plan", "--json", *(w for name in services for w in ("--service", name)), folder=root)

    def _ask(self, *arguments: str, folder: Path) -> dict[str, Any]:
        """A command's JSON."""
        done = subprocess.run(
            [_COMMAND, *arguments], cwd=folder, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise ToolError(f"sealift {arguments[0]}: {done.stderr.strip()}", remedy="mend what it names")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    async def _prune(self) -> None:
        async with self._connected() as client:
            await client.engine().local_cache().prune()

    async def _quarantined(self) -> list[blobs.Blob]:
        """The blobs on the quarantine's volume."""
        async with self._connected() as client:
            script = client.host().file(blobs.__file__)
            volume = quarantine_volume(client, PROJECT)
            listed = (
                client.container()
                .from_(_LISTER)
                .with_mounted_file("/blobs.py", script)
                .with_mounted_cache("/quarantine", volume)
                # Never an answer from before.
                .with_env_variable("ASKED", str(time.time()))
                .with_exec(["python3", "/blobs.py", "/quarantine"])
            )
            found: list[blobs.Blob] = json.loads(await listed.stdout())
            return found

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[dagger.Client]:
        with (self._folder / "session.log").open("a") as log:
            async with connected(self._engine, log) as client:
                yield client


def steps(lines: Iterable[str]) -> Iterable[Step]:
    """The stages that progress lines say have ended."""
    for line in lines:
        found = _STEP.match(line)
        if found:
            ended, seconds = float(found[1]), float(found[4])
            yield Step(name=found[2].strip(), unit=found[3].strip(), began=round(ended - seconds, 1), seconds=seconds)


def of_rows(rows: list[dict[str, str]], taken: tuple[Step, ...]) -> Outcome:
    """From `build --json`, which does not say what was cached."""
    return Outcome(digests={f"{row['service']} {row['platform']}": row["digest"] for row in rows}, steps=taken)


def of_record(record: Mapping[str, Any], taken: tuple[Step, ...]) -> Outcome:
    """From the release record."""
    units = {
        f"{service} {platform}": unit
        for service, released in record["services"].items()
        for platform, unit in released["platforms"].items()
    }
    return Outcome(
        digests={name: unit["digest"] for name, unit in units.items()},
        made=[name for name, unit in units.items() if not unit["cached"]],
        steps=taken,
    )

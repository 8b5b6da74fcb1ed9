"""A release with secrets of every kind, runs of it that fail, and everything that they leave behind."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from ci.local.engine import container_name
from ci.local.machine import make_setup
from ci.local.paths import find_paths
from tests.faults.canaries import Canary
from tests.faults.programs import programs
from tests.scratch import ROOT, SEALIFT, Scratch, run

STATE = find_paths(os.environ).state
READ = "cat /run/secrets/token /run/secrets/settings"
ASLEEP = "sleep 1234.5"


def dockerfile(command: str, user: str = "1001:1001") -> str:
    """A build that reads its secrets aloud and runs the command, with the secrets mounted, in a step of its own."""
    return f"""\
FROM python:3.11-slim-bookworm AS build
RUN --mount=type=secret,id=token,required=true --mount=type=secret,id=settings,required=true \\
    : {secrets.token_hex(8)}; {READ}; {READ} >&2; {command}
FROM scratch
COPY --from=build /used /used
COPY site /usr/lib/python3/dist-packages
USER {user}
"""


GOOD = f"{READ} | sha256sum > /used"
"""A step that uses its secrets as it may."""


@dataclass
class Stand:
    """Where the runs are, and what is kept of them below `evidence`.

    :param ended: run → its exit code.
    """

    scratch: Scratch
    evidence: Path
    canaries: Mapping[str, Canary]
    ended: dict[str, int] = field(default_factory=dict)

    def said(self, name: str) -> str:
        """What a run printed."""
        return "".join((self.evidence / f"{name}.{stream}").read_text() for stream in ("out", "err"))

    def sealift(
        self,
        name: str,
        command: str = GOOD,
        *,
        user: str = "1001:1001",
        until: Callable[[], bool] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Run `build-all` in a process of its own, whose environment everybody sees, and keep what there is of it.

        :param until: interrupt it when that is so.
        """
        (self.scratch.root / "services/web/Dockerfile").write_text(dockerfile(command, user))
        self.scratch.commit()
        with ExitStack() as stack:
            out, err = (stack.enter_context((self.evidence / f"{name}.{end}").open("wb")) for end in ("out", "err"))
            process = subprocess.Popen(
                [*SEALIFT, "build-all"], cwd=self.scratch.root, env={**os.environ, **self.scratch.env, **(env or {})},
                stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            )  # fmt: skip
            log = STATE / f"engine-{process.pid}.log"
            if _wait(log.exists, process):
                # Held open, for it is renamed when the command ends.
                kept = stack.enter_context(log.open("rb"))
                stack.callback(lambda: (self.evidence / f"{name}.engine").write_bytes(kept.read()))
            if until is not None and _wait(until, process):
                process.send_signal(signal.SIGINT)
            self.ended[name] = process.wait(timeout=300)
        shutil.copytree(self.scratch.root / "dist", self.evidence / f"{name}.dist", dirs_exist_ok=True)

    def dagger_call(self, name: str, registry: str, secrets: Path) -> None:
        """The same by `dagger call`, where the command has a container of its own, and its secrets are files there."""
        (self.scratch.root / "services/web/Dockerfile").write_text(dockerfile(GOOD))
        self.scratch.commit()
        # All in one file, as it wants them; in quotes they may have several lines.
        given = {"token": self.canaries["build-token"].text, "settings": self.canaries["build-settings"].text}
        (secrets / "both").write_text("".join(f"{secret}='{text}'\n" for secret, text in given.items()))
        done = run(
            ["dagger", "call", "--progress=plain", "-vvv", "-m", str(ROOT), f"--source={self.scratch.root}",
             f"--registry-service=tcp://{registry}", "--docker-username=porter", "--docker-password=env://CANARY_REGISTRY",
             f"--signing-key=file://{secrets / 'cosign.key'}", f"--signing-password=file://{secrets / 'key-password'}",
             f"--build-secrets=file://{secrets / 'both'}",
             "build-all", "dist", "export", f"--path={self.evidence / f'{name}.dist'}"],
            cwd=self.scratch.root, env=self.scratch.env,
        )  # fmt: skip
        self.ended[name] = done.returncode
        (self.evidence / f"{name}.out").write_text(done.stdout)
        (self.evidence / f"{name}.err").write_text(done.stderr)

    def keep_the_engines_log(self, since: float) -> None:
        """What the engine's container has printed since then."""
        name = container_name(make_setup(os.environ, print))
        done = run(["podman", "logs", "--since", f"{since:.0f}", name])
        (self.evidence / "container.log").write_text(done.stdout + done.stderr)


def asleep() -> bool:
    """Is a build at the step that waits?"""
    return any(program.command == ASLEEP for program in programs())


def _wait(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> bool:
    """Until the condition holds; False if the process has ended before."""
    while process.poll() is None:
        if condition():
            return True
        time.sleep(0.02)
    return False

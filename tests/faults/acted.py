"""Workflows run by act on this machine, with what GitHub gives to a job, and no more.

Actions of others are replaced by local ones that write down what they were given. What installs Sealift is a program
that finds it installed. All else is real. What a job needs is run before it; each job has a workspace and a temporary
folder of its own.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ci.local.machine import make_setup
from ci.local.toolchain import ACT, tool_folder
from tests.faults.small import Small
from tests.faults.stand_ins import stand_in
from tests.scratch import ROOT, run
from tests.sigstore.issuer import REPOSITORY, Issuer

RUNNERS = ("ubuntu-24.04", "ubuntu-24.04-arm")
"""Labels that stand for this machine, whatever it is. A job with another one would be skipped."""

_SEALIFT = """\
case ",$HARNESS_IDENTIFIED," in
*",$GITHUB_JOB,"*) ;;
*) unset ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_ID_TOKEN_REQUEST_TOKEN ;;
esac
echo "$GITHUB_JOB ${ACTIONS_ID_TOKEN_REQUEST_URL:+identified} $*" >> "$HARNESS/called"
"""


@dataclass
class Hosted:
    """A repository at GitHub, and a runner.

    :param folder: what the harness works in.
    :param small: the repository, of which the last commit is what runs; and where the runner's engine is.
    :param issuer: gives a job its token, if the workflow lets it have one.
    :param others: `OWNER/NAME@COMMIT` → the files of that repository, whose workflows may be called.
    :param claims: what tokens say besides ref and event.
    """

    folder: Path
    small: Small
    issuer: Issuer
    secrets: dict[str, str] = field(default_factory=dict)
    others: dict[str, Path] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)

    def act(self, event: str, workflow: str, job: str, **given: Any) -> subprocess.CompletedProcess[str]:
        """One job of a workflow, for an event, after those that it needs; to its end.

        :param given: as `command` has it.
        """
        return run(
            self.command(event, workflow, job, **given),
            cwd=self.small.root,
            env={"XDG_CONFIG_HOME": str(self._configuration())},
        )

    @contextmanager
    def acting(self, event: str, workflow: str, job: str, *, ref: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """The same, for a test that does not wait for its end.

        :param log: receives what is said.
        """
        with log.open("wb") as written:
            process = subprocess.Popen(
                self.command(event, workflow, job, ref=ref), cwd=self.small.root, stdin=subprocess.DEVNULL,
                stdout=written, stderr=written, start_new_session=True,
                env={**os.environ, "XDG_CONFIG_HOME": str(self._configuration())},
            )  # fmt: skip
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def command(
        self,
        event: str,
        workflow: str,
        job: str,
        *,
        ref: str,
        payload: Mapping[str, Any] | None = None,
        inputs: Sequence[str] = (),
    ) -> list[str]:
        """What runs act for that job; its files are written.

        :param ref: full, such as `refs/heads/main`.

        act has one environment for all jobs. What this one may have of an identity is therefore taken from those that
        may not, where they call `sealift`.
        """
        file = self.small.root / ".github/workflows" / workflow
        everything = [file, *self._callable()]
        jobs = [item for one in everything for item in yaml.safe_load(one.read_text())["jobs"].items()]
        identified = [name for name, one in jobs if one["permissions"].get("id-token") == "write"]
        commit = run(["git", "rev-parse", "HEAD"], cwd=self.small.root).stdout.strip()
        self.folder.mkdir(exist_ok=True)
        shutil.rmtree(self.folder / "artifacts", ignore_errors=True)
        (self.folder / "called").unlink(missing_ok=True)
        (self.folder / "repository").unlink(missing_ok=True)
        (self.folder / "repository").symlink_to(self.small.root)
        (self.folder / "event.json").write_text(json.dumps({"ref": ref, **(payload or {})}))
        self.issuer.job = {"ref": ref, "event_name": event, **self.claims}
        given = {
            **{name: value for name, value in self.small.env.items() if name != "SEALIFT_KEYS_DIR"},
            # A job without the permission gets no address to ask.
            **(self.issuer.environment() if job in identified else {}),
            "HARNESS_IDENTIFIED": ",".join(identified),
            "GITHUB_REF": ref, "GITHUB_REF_NAME": ref.split("/", 2)[2], "GITHUB_ACTIONS": "true",
            "HARNESS": str(self.folder), "HARNESS_COMMIT": commit, "HOME": os.environ["HOME"],
            "XDG_CONFIG_HOME": os.environ.get("XDG_CONFIG_HOME") or f"{os.environ['HOME']}/.config",
            "PATH": f"{self._programs()}:{self.small.env['PATH']}:{os.environ['PATH']}",
        }  # fmt: skip
        (self.folder / "environment").write_text("".join(f"{name}={value}\n" for name, value in given.items()))
        (self.folder / "secrets").write_text("".join(f"{name}={value}\n" for name, value in self.secrets.items()))
        local = [f"--local-repository={one}={stand_in(one.partition('@')[0], self.folder)}" for one in self._used()]
        local += [f"--local-repository={one}={folder}" for one, folder in self.others.items()]
        program = tool_folder(make_setup(os.environ, print), ACT) / "act"
        return [
            str(program), event, f"--workflows={file}", f"--job={job}",
            *(f"--platform={label}=-self-hosted" for label in RUNNERS),
            "--no-skip-checkout", "--no-cache-server", *local,
            f"--eventpath={self.folder / 'event.json'}", f"--env-file={self.folder / 'environment'}",
            f"--secret-file={self.folder / 'secrets'}", f"--action-cache-path={self.folder / 'act'}",
            "--actor=octocat", *(f"--input={one}" for one in inputs),
        ]  # fmt: skip

    def given(self, action: str) -> list[dict[str, str]]:
        """The inputs that an action was given, each time that it ran."""
        file = self.folder / f"{action.replace('/', '-')}.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def called(self) -> list[tuple[str, bool, str]]:
        """Each `sealift` of the last run: its job, whether it could ask for an identity, and its arguments."""
        file = self.folder / "called"
        lines = [line.split(" ", 2) for line in file.read_text().splitlines()] if file.exists() else []
        return [(job, bool(mark), arguments) for job, mark, arguments in lines]

    def forget(self) -> None:
        """What actions were given before."""
        for file in self.folder.glob("*.jsonl"):
            file.unlink()

    def _used(self) -> list[str]:
        """Action and commit of everything that workflows use."""
        found = set()
        for file in (*(self.small.root / ".github/workflows").iterdir(), *self._callable()):
            for job in yaml.safe_load(file.read_text())["jobs"].values():
                found |= {step["uses"] for step in job.get("steps", ()) if "uses" in step}
        return sorted("/".join(one.partition("@")[0].split("/")[:2]) + "@" + one.partition("@")[2] for one in found)

    def _callable(self) -> list[Path]:
        """The workflows of other repositories."""
        return [file for folder in self.others.values() for file in (folder / ".github/workflows").iterdir()]

    def _programs(self) -> Path:
        """A folder with `sealift`, and `pipx`, which has nothing to install."""
        folder = self.folder / "bin"
        folder.mkdir(exist_ok=True)
        python = shlex.join(["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "ci"])
        for name, text in (("sealift", f'{_SEALIFT}exec {python} "$@"'), ("pipx", 'echo "$@" >> "$HARNESS/installed"')):
            file = folder / name
            file.write_text(f"#!/bin/sh\n{text}\n")
            file.chmod(0o755)
        return folder

    def _configuration(self) -> Path:
        """Without it, act asks which images it should use."""
        file = self.folder / "config/act/actrc"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        return self.folder / "config"


def push(root: Path) -> None:
    """Name the repository at GitHub."""
    done = run(["git", "remote", "add", "origin", f"https://github.com/{REPOSITORY}"], cwd=root)
    assert done.returncode == 0 or "already exists" in done.stderr, done.stderr

"""Workflows run by act on this machine, with what GitHub gives to a job, and no more.

Actions of others are replaced by local ones that write down what they were given. What installs Sealift is a program
that finds it installed. All else is real.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ci.local.machine import make_setup
from ci.local.toolchain import ACT, tool_folder
from tests.faults.small import Small
from tests.scratch import ROOT, run
from tests.sigstore.issuer import REPOSITORY, Issuer

INPUTS = {
    "actions/checkout": ("fetch-depth", "persist-credentials"),
    "actions/upload-artifact": ("name", "path", "retention-days", "if-no-files-found"),
    "github/codeql-action": ("sarif_file",),
}
"""Action → the inputs that it may be given."""

_CHECKOUT = """\
find "$GITHUB_WORKSPACE" -mindepth 1 -delete
git clone --quiet "$HARNESS/repository" "$GITHUB_WORKSPACE"
git -C "$GITHUB_WORKSPACE" remote set-url origin "https://github.com/$GITHUB_REPOSITORY"
git -C "$GITHUB_WORKSPACE" checkout --quiet --detach "$HARNESS_COMMIT"
"""
_UPLOAD = """\
test -e "$GITHUB_WORKSPACE/${{ inputs.path }}${{ inputs.sarif_file }}"
mkdir -p "$HARNESS/kept"
cp -r "$GITHUB_WORKSPACE/${{ inputs.path }}${{ inputs.sarif_file }}" "$HARNESS/kept/"
"""


@dataclass
class Hosted:
    """A repository at GitHub, and a runner.

    :param folder: what the harness works in.
    :param small: the repository, of which the last commit is what runs; and where the runner's engine is.
    :param issuer: gives a job its token, if the workflow lets it have one.
    """

    folder: Path
    small: Small
    issuer: Issuer
    secrets: dict[str, str] = field(default_factory=dict)

    def act(
        self,
        event: str,
        workflow: str,
        job: str,
        *,
        ref: str,
        payload: Mapping[str, Any] | None = None,
        inputs: Sequence[str] = (),
    ) -> subprocess.CompletedProcess[str]:
        """One job of a workflow, for an event.

        :param ref: full, such as `refs/heads/main`.
        """  # fmt: skip
        file = self.small.root / ".github/workflows" / workflow
        granted = yaml.safe_load(file.read_text())["jobs"][job]["permissions"]
        commit = run(["git", "rev-parse", "HEAD"], cwd=self.small.root).stdout.strip()
        self.folder.mkdir(exist_ok=True)
        (self.folder / "repository").unlink(missing_ok=True)
        (self.folder / "repository").symlink_to(self.small.root)
        (self.folder / "event.json").write_text(json.dumps({"ref": ref, **(payload or {})}))
        self.issuer.job = {"ref": ref, "event_name": event}
        given = {
            **{name: value for name, value in self.small.env.items() if name != "SEALIFT_KEYS_DIR"},
            # A job without the permission gets no address to ask.
            **(self.issuer.environment() if granted.get("id-token") == "write" else {}),
            "GITHUB_REF": ref, "GITHUB_REF_NAME": ref.split("/", 2)[2], "GITHUB_ACTIONS": "true",
            "HARNESS": str(self.folder), "HARNESS_COMMIT": commit, "HOME": os.environ["HOME"],
            "PATH": f"{self._programs()}:{self.small.env['PATH']}:{os.environ['PATH']}",
        }  # fmt: skip
        (self.folder / "environment").write_text("".join(f"{name}={value}\n" for name, value in given.items()))
        (self.folder / "secrets").write_text("".join(f"{name}={value}\n" for name, value in self.secrets.items()))
        local = [f"--local-repository={one}={self._action(one)}" for one in self._used()]
        program = tool_folder(make_setup(os.environ, print), ACT) / "act"
        return run(
            [
                str(program), event, f"--workflows={file}", f"--job={job}",
                "--platform=ubuntu-24.04=-self-hosted", "--no-skip-checkout", "--no-cache-server", *local,
                f"--eventpath={self.folder / 'event.json'}", f"--env-file={self.folder / 'environment'}",
                f"--secret-file={self.folder / 'secrets'}", f"--action-cache-path={self.folder / 'act'}",
                "--actor=octocat", *(f"--input={one}" for one in inputs),
            ],
            cwd=self.small.root,
            env={"XDG_CONFIG_HOME": str(self._configuration()), "XDG_CACHE_HOME": str(self.folder / "cache")},
        )  # fmt: skip

    def given(self, action: str) -> list[dict[str, str]]:
        """The inputs that an action was given, each time that it ran."""
        file = self.folder / f"{action.replace('/', '-')}.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def forget(self) -> None:
        """What actions were given before."""
        for file in self.folder.glob("*.jsonl"):
            file.unlink()

    def _used(self) -> list[str]:
        """Action and commit of everything that workflows use."""
        found = set()
        for file in (self.small.root / ".github/workflows").iterdir():
            for job in yaml.safe_load(file.read_text())["jobs"].values():
                found |= {step["uses"] for step in job["steps"] if "uses" in step}
        return sorted("/".join(one.partition("@")[0].split("/")[:2]) + "@" + one.partition("@")[2] for one in found)

    def _action(self, used: str) -> Path:
        """A composite action in place of that one: fails if it is given what it does not know."""
        name = used.partition("@")[0]
        folder = self.folder / "actions" / name
        inputs = {one: {"required": False, "default": ""} for one in INPUTS[name]}
        shown = ", ".join(f'"{one}": "${{{{ inputs.{one} }}}}"' for one in INPUTS[name])
        script = f"echo '{{{shown}}}' >> \"$HARNESS/{name.replace('/', '-')}.jsonl\"\n"
        script += _CHECKOUT if name == "actions/checkout" else _UPLOAD
        runs = {"using": "composite", "steps": [{"run": script, "shell": "bash"}]}
        at = folder / "upload-sarif" if name == "github/codeql-action" else folder
        at.mkdir(parents=True, exist_ok=True)
        (at / "action.yml").write_text(
            yaml.safe_dump({"name": name, "description": "", "inputs": inputs, "runs": runs})
        )
        return folder

    def _programs(self) -> Path:
        """A folder with `sealift`, and `pipx`, which has nothing to install."""
        folder = self.folder / "bin"
        folder.mkdir(exist_ok=True)
        python = shlex.join(["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "ci"])
        for name, text in (("sealift", f'exec {python} "$@"'), ("pipx", 'echo "$@" >> "$HARNESS/installed"')):
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

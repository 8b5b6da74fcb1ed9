"""The `sealift` command in a process of its own, on a small repository, with no engine within reach.

A process that has imported the command is forked for each run: what is tried here ends long before the two seconds
that the imports take.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.scratch import DOCKERFILE, ROOT, SERVER, run

CONFIG = """\
version: 1
project: scratch
source: https://example.com/scratch
services:
  web: {}
environments:
  local: {registry: localhost:5000, tags: [dev]}
"""
WEB = "web: {}"
"""What the configuration says of the service."""

NO_ENGINE = {"_EXPERIMENTAL_DAGGER_RUNNER_HOST": "tcp://127.0.0.1:1"}
"""Nobody listens there: reaching for an engine fails, with exit code 7."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


@dataclass
class Bare:
    """A repository with one service, `web`, and an environment of which nothing is the user's own."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    @classmethod
    def create(cls, folder: Path) -> Bare:
        """With a first commit, and a home, state and cache of its own that are not there yet."""
        root, home = folder / "repository", folder / "home"
        (root / "services/web").mkdir(parents=True)
        home.mkdir()
        env = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL", "VIRTUAL_ENV")}
        made = cls(root=root, env={**env, **NO_ENGINE, "HOME": str(home), "PYTHONPATH": str(ROOT)})
        made.write("services/web/Dockerfile", DOCKERFILE)
        made.write("services/web/server.py", SERVER)
        made.write(".gitignore", "dist/\n.env\n")
        made.write("sealift.yaml", CONFIG)
        made.commit()
        return made

    @property
    def home(self) -> Path:
        return Path(self.env["HOME"])

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def configure(self, old: str, new: str) -> None:
        """Change the configuration, which must have the old text once."""
        text = (self.root / "sealift.yaml").read_text()
        assert text.count(old) == 1
        self.write("sealift.yaml", text.replace(old, new))

    def commit(self) -> None:
        git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
        for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "change", "--allow-empty"]):
            done = run([*git, *arguments], cwd=self.root)
            assert done.returncode == 0, done.stderr

    def sealift(self, *arguments: str) -> Done:
        """Run the command to its end, without a terminal."""
        return forked(arguments, self.root, self.env, timeout=60)


def forked(
    arguments: Sequence[str],
    root: Path,
    env: Mapping[str, str],
    *,
    timeout: float,
    prepared: Callable[[], None] | None = None,
) -> Done:
    """Run the command to its end, in a folder and with the variables, without a terminal.

    :param timeout: seconds.
    :param prepared: runs in the command's process before it.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "ci.cli", "ci.run", "tests.faults.command"])
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        process = context.Process(
            target=_main, args=(arguments, str(root), dict(env), str(out), str(err)), kwargs={"prepared": prepared}
        )
        process.start()
        process.join(timeout=timeout)
        if process.exitcode is None:
            process.kill()
            raise AssertionError(f"the command did not end within {timeout} s")
        return Done(
            code=process.exitcode,
            out=out.read_text("utf-8", "backslashreplace"),
            err=err.read_text("utf-8", "backslashreplace"),
        )


def _main(
    arguments: Sequence[str], root: str, env: Mapping[str, str], out: str, err: str, prepared: Callable[[], None] | None
) -> None:
    """What the script `sealift` does, with files, folder and environment of its own."""
    flags = os.O_WRONLY | os.O_CREAT
    files = [os.open(path, mode, 0o600) for path, mode in ((os.devnull, os.O_RDONLY), (out, flags), (err, flags))]
    become(arguments, root, env, files, prepared)


def become(
    arguments: Sequence[str],
    root: str,
    env: Mapping[str, str],
    files: Sequence[int],
    prepared: Callable[[], None] | None = None,
) -> None:
    """Do in this process what the script `sealift` does.

    :param files: descriptors of its standard input, output and error.
    """
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(root)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["sealift", *arguments]
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    if prepared is not None:
        prepared()
    from ci.cli import main

    main()

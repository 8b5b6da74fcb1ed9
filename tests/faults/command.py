"""The `sealift` command on a small repository, with no engine within reach."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from tests.forked import Done, forked
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

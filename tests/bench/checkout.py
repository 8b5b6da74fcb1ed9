"""A copy of the repository to build from, and the changes that scenarios make to it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import ConfigError

PROJECT = "sealift-bench"
"""The copy's project, so that its quarantine is one of its own."""

EDITED = "embeddings"
"""The service of which one file is changed. No other is built on it."""

# A file that is compiled or copied into the image, and a line that makes the result another one.
_SOURCES: Mapping[str, tuple[str, str]] = {
    "aidb": ("services/aidb/aidb/search.py", "BENCH_RUN = {0}"),
    "embeddings": ("services/embeddings/embeddings/model.py", "BENCH_RUN = {0}"),
    "nixos-docs": ("services/nixos-docs/nixos_docs/pages.py", "BENCH_RUN = {0}"),
    "dashboard-api": ("services/dashboard-api/src/health.ts", "export const benchRun{0} = {0};"),
    # A variable alone would be left out by the linker.
    "hybrid-coordinator": (
        "services/go/cmd/hybrid-coordinator/main.go",
        "var benchRun{0} = []byte(`run {0}`)\n\nfunc init() {{ if len(benchRun{0}) == cap(benchRun{0})+1 "
        "{{ panic(string(benchRun{0})) }} }}",
    ),
    "ralph-wiggum": (
        "services/go/cmd/ralph-wiggum/main.go",
        "var benchRun{0} = []byte(`run {0}`)\n\nfunc init() {{ if len(benchRun{0}) == cap(benchRun{0})+1 "
        "{{ panic(string(benchRun{0})) }} }}",
    ),
}
_LOCK = f"services/{EDITED}/requirements.txt"
# Wheels of one small package: each run installs another one, which a change of a lock file is for.
_LOCKED = (
    ("1.17.0", "4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274"),
    ("1.16.0", "8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"),
    ("1.15.0", "8b74bedcbbbaca38ff6d7491d76f2b06b3592611af620f8426e82dddb04a5ced"),
    ("1.14.0", "8f3cd2e254d8f793e7f3d6d9df77b92252b52637291d0f0da013c76ea2724b6c"),
    ("1.13.0", "1f1b7d42e254082a9db6279deae68afb421ceba6158efa6131de7b3003ee93fd"),
    ("1.12.0", "3350809f0555b11f552448330d0b52d5f24c91a322ea4a15ef22629740f3761c"),
    ("1.11.0", "832dc0e10feb1aa2c68dcc57dbb658f1c7e65b9b61af69048abc87a2db00a0eb"),
)


@dataclass
class Checkout:
    """A clone of the repository. Every change is committed: what is not committed would be labelled so."""

    root: Path
    changes: int = 0

    @classmethod
    def clone(cls, repository: Path, root: Path) -> Checkout:
        """Clone what is committed, as a project of its own."""
        git(repository, "clone", "--quiet", "--no-hardlinks", str(repository), str(root))
        checkout = cls(root)
        checkout._replace("sealift.yaml", "project: sealift\n", f"project: {PROJECT}\n")
        checkout._commit()
        return checkout

    def nothing(self) -> None:
        """Nothing changes."""

    def source(self) -> None:
        """One source file of one service."""
        self._source(EDITED)
        self._commit()

    def all_sources(self) -> None:
        """One source file of every service."""
        for service in _SOURCES:
            self._source(service)
        self._commit()

    def lock(self) -> None:
        """The lock file of one service gains a package, or gets another version of it."""
        file = self.root / _LOCK
        kept = file.read_text().partition("# benchmark\n")[0]
        version, digest = _LOCKED[self.changes % len(_LOCKED)]
        # The number makes the file new even when the version comes round again.
        file.write_text(f"{kept}# benchmark\n# {self.changes}\nsix=={version} --hash=sha256:{digest}\n")
        self._commit()

    def readme(self) -> None:
        """A file that no image contains."""
        self._append("README.md", f"Run {self.changes} of the benchmark.")
        self._commit()

    def _source(self, service: str) -> None:
        path, line = _SOURCES[service]
        self._append(path, line.format(self.changes))

    def _append(self, path: str, line: str) -> None:
        file = self.root / path
        file.write_text(f"{file.read_text()}\n{line}\n")

    def _replace(self, path: str, old: str, new: str) -> None:
        file = self.root / path
        text = file.read_text()
        if old not in text:
            raise ConfigError(f"{path} does not say '{old.strip()}'", remedy="mend tests/bench/checkout.py")
        file.write_text(text.replace(old, new))

    def _commit(self) -> None:
        self.changes += 1
        identity = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@example.com"]
        git(self.root, *identity, "commit", "--quiet", "--all", "--message", f"Change {self.changes}")


Edit = Callable[[Checkout], None]


def git(folder: Path, *arguments: str) -> None:
    """:raises ConfigError: it failed; the message is its own."""
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ConfigError(f"git {arguments[0]}: {done.stderr.strip()}", remedy="mend the repository, or git")

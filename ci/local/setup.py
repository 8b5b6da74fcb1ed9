"""What every part of the local set-up is given, so that nothing deep down reads a global."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ci.local.paths import Paths
from ci.local.runner import Report, Runner


@dataclass(frozen=True, kw_only=True)
class Setup:
    """:param environment: the caller's environment variables.

    :param root: may this process act as root?
    :param machine: the machine's architecture as Go and OCI name it: amd64 or arm64.
    :param extra_cas: certificate authorities that somebody added to this machine, PEM files.
    """

    paths: Paths
    environment: Mapping[str, str]
    runner: Runner
    report: Report
    root: bool
    machine: str
    extra_cas: Sequence[Path] = ()

    def as_root(self, arguments: Sequence[str | Path]) -> list[str | Path]:
        """The same command, with the right to administer the machine (`sudo` never asks: it would hang a build)."""
        return list(arguments) if self.root else ["sudo", "-n", *arguments]


def fingerprint(*parts: str | bytes | Path) -> str:
    """16 hex digits over texts and files, a folder counting with all its files and their names."""
    digest = hashlib.sha256()
    for part in parts:
        for chunk in _chunks(part):
            digest.update(len(chunk).to_bytes(8, "big"))
            digest.update(chunk)
    return digest.hexdigest()[:16]


def _chunks(part: str | bytes | Path) -> list[bytes]:
    if isinstance(part, str):
        return [part.encode()]
    if isinstance(part, bytes):
        return [part]
    if part.is_dir():
        files = sorted(path for path in part.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return [chunk for path in files for chunk in (str(path.relative_to(part)).encode(), path.read_bytes())]
    return [part.read_bytes()]

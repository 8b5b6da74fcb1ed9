"""Manifests and blobs of one repository, fetched and put with regctl."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Repository:
    """:param name: with its registry, as regctl reaches it."""

    name: str

    def manifest(self, digest: str) -> dict[str, Any]:
        """An image's manifest."""
        return _document(_regctl("manifest", "get", "--format=raw-body", f"{self.name}@{digest}"))

    def config(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """An image's configuration, by its manifest."""
        return _document(_regctl("blob", "get", self.name, manifest["config"]["digest"]))

    def fetch(self, digest: str, path: Path) -> None:
        """Write a blob to a file."""
        with path.open("wb") as file:
            subprocess.run(["regctl", "blob", "get", self.name, digest], stdout=file, check=True)

    def put(self, path: Path, digest: str) -> None:
        """Put a file as a blob; nothing is sent if the blob is there."""
        with path.open("rb") as file:
            command = ["regctl", "blob", "put", f"--digest={digest}", self.name]
            subprocess.run(command, stdin=file, stdout=subprocess.DEVNULL, check=True)

    def tag(self, manifest: bytes, media_type: str, tag: str) -> None:
        """Put a manifest under a tag."""
        _regctl("manifest", "put", f"--content-type={media_type}", f"{self.name}:{tag}", given=manifest)


def _regctl(*arguments: str, given: bytes | None = None) -> bytes:
    return subprocess.run(["regctl", *arguments], input=given, stdout=subprocess.PIPE, check=True).stdout


def _document(text: bytes) -> dict[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("expected a JSON object")
    return found

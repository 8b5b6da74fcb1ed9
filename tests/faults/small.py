"""The smallest release there is: one service of one platform, whose image is a file and a package that scanners see.

All tests of a session release the same image, each under a prefix of its own. What is the same for all of them,
building, describing and signing it, is done once, and a test pays for what it is about.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from unittest import mock

import httpx
from tenacity import wait_none

from pipelines.registry import retry
from tests.scratch import REGISTRY, ROOT, Registry, Scratch

DOCKERFILE = """\
FROM scratch
COPY site /usr/lib/python3/dist-packages
COPY content /content
USER 1001:1001
"""
CONTENT = 1 << 20
"""Bytes of the layer that a registry must take; nothing compresses it."""


@dataclass
class Small(Scratch):
    """A repository whose commands are forked from a process that has imported them already.

    `prepared` are run in the command's process before it: what a test breaks, it breaks there.
    """

    prepared: list[Callable[[], None]] = field(default_factory=list)

    @classmethod
    def create(cls, folder: Path, engine: Mapping[str, str]) -> Small:
        """With content that no other session has, so that nothing is found again that another one made."""
        made = cls(
            root=folder / "repository",
            env={**engine, "PYTHONPATH": str(ROOT), "SEALIFT_KEYS_DIR": str(folder / "keys")},
            registry=Registry(prefix="", env=engine),
        )
        made.root.mkdir()
        (made.root / ".gitignore").write_text("dist/\n.env\n")
        context = made.service("web", dockerfile=DOCKERFILE, settings={"boot": None})
        (context / "server.py").unlink()
        (context / "content").write_bytes(os.urandom(CONTENT))
        package = context / "site/starlette-0.49.0.dist-info"
        package.mkdir(parents=True)
        (package / "METADATA").write_text("Metadata-Version: 2.1\nName: starlette\nVersion: 0.49.0\n")
        return made

    def under_a_prefix_of_its_own(self) -> Small:
        """The same repository for one more test: another prefix, and the configuration as it was."""
        registry = Registry(prefix=f"test-{secrets.token_hex(4)}/", env=self.registry.env)
        made = Small(root=self.root, env=dict(self.env), registry=registry, services=self.services)
        made.commit()
        return made

    def prepare(self) -> Callable[[], None]:
        return partial(_all, tuple(self.prepared))

    def delete(self, *names: str) -> None:
        """Delete these repositories' tags from the local registry."""
        for name in names:
            url = f"http://{REGISTRY}/v2/{self.registry.prefix}{name}"
            for tag in httpx.get(f"{url}/tags/list", trust_env=False).json().get("tags") or []:
                httpx.delete(f"{url}/manifests/{tag}", trust_env=False).raise_for_status()


def _all(functions: tuple[Callable[[], None], ...]) -> None:
    for function in functions:
        function()


def without_pauses() -> None:
    """What passes by itself is asked for once more, and at once: how often and when has tests of its own."""
    mock.patch.object(retry, "ATTEMPTS", 2).start()
    mock.patch.object(retry, "wait_exponential_jitter", lambda **_: wait_none()).start()

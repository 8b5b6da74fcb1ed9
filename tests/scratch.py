"""Small repositories to release, and the registry as the tests see it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.key import is_key_tag
from tests.forked import forked

ROOT = Path(__file__).resolve().parent.parent
SEALIFT = [sys.executable, "-m", "ci"]
REGISTRY = "localhost:5000"

SERVER = """\
import http.server, sys
status = int(sys.argv[1]) if len(sys.argv) > 1 else 200
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(status)
        self.end_headers()
http.server.HTTPServer(("", 8080), Handler).serve_forever()
"""

DOCKERFILE = """\
FROM python:3.11-slim-bookworm
COPY server.py /app/server.py
USER 1001:1001
EXPOSE 8080
ENTRYPOINT ["python3", "/app/server.py"]
"""

TINY = "FROM scratch\nCOPY server.py /server.py\nUSER 1001:1001\n"
"""For tests to which the image does not matter: nothing to boot, and next to nothing to read."""


def run(
    arguments: list[str], *, cwd: Path = ROOT, env: Mapping[str, str] | None = None, timeout: float = 600
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever its exit code; output as text."""
    environ = {**os.environ, **(env or {})}
    return subprocess.run(
        arguments,
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@dataclass
class Registry:
    """What a test published, seen with regctl."""

    prefix: str
    env: Mapping[str, str]

    def regctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run(["regctl", f"--host=reg={REGISTRY},tls=disabled", *arguments], env=self.env)

    def tags(self, service: str) -> list[str]:
        """Tags of a service, without those that hold attachments of a digest, or name it by its inputs."""
        done = self.regctl("tag", "ls", f"{REGISTRY}/{self.prefix}{service}")
        return [tag for tag in done.stdout.split() if not tag.startswith("sha256-") and not is_key_tag(tag)]

    def digest(self, service: str, tag: str) -> str | None:
        done = self.regctl("manifest", "head", f"{REGISTRY}/{self.prefix}{service}:{tag}")
        return done.stdout.strip() if done.returncode == 0 else None

    def index(self, service: str, tag: str) -> dict[str, str]:
        """Platform → digest."""
        done = self.regctl("manifest", "get", "--format=raw-body", f"{REGISTRY}/{self.prefix}{service}:{tag}")
        return {
            f"{entry['platform']['os']}/{entry['platform']['architecture']}": entry["digest"]
            for entry in json.loads(done.stdout)["manifests"]
        }


@dataclass
class Scratch:
    """A small repository of its own, with its own project, prefix and keys."""

    root: Path
    env: dict[str, str]
    registry: Registry
    services: dict[str, dict[str, object]] = field(default_factory=dict)
    extra: dict[str, object] = field(default_factory=dict)

    def service(self, name: str, *, dockerfile: str = DOCKERFILE, settings: dict[str, object] | None = None) -> Path:
        """Add a service; its folder."""
        folder = self.root / "services" / name
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text(dockerfile)
        (folder / "server.py").write_text(SERVER)
        self.services[name] = {"size_budget": "100MB", **(settings or {})}
        return folder

    def commit(self) -> None:
        """Write sealift.yaml (JSON is YAML) and commit everything."""
        config: dict[str, object] = {
            "version": 1,
            "project": "scratch",
            "source": "https://example.com/scratch",
            "prefix": self.registry.prefix,
            "platforms": ["linux/amd64"],
            "services": self.services,
            "environments": {
                "local": {"registry": REGISTRY, "tags": ["dev"], "database": {"allow_sample": True}},
                "staging": {"registry": REGISTRY, "tags": ["dev"]},
            },
            **self.extra,
        }
        (self.root / "sealift.yaml").write_text(json.dumps(config, indent=2))
        git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
        if not (self.root / ".git").exists():
            run([*git, "init", "-q"], cwd=self.root)
        run([*git, "add", "-A"], cwd=self.root)
        done = run([*git, "commit", "-qm", "change"], cwd=self.root)
        assert done.returncode == 0, done.stderr

    def sealift(self, *arguments: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        done = forked(arguments, self.root, {**os.environ, **self.env}, timeout=timeout, prepared=self.prepare())
        return subprocess.CompletedProcess(arguments, done.code, done.out, done.err)

    def prepare(self) -> Callable[[], None] | None:
        """What runs in the command's process before it."""
        return None

    def dagger_call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        keys = self.env["SEALIFT_KEYS_DIR"]
        given = [
            f"--source={self.root}",
            f"--registry-service=tcp://{REGISTRY}",
            f"--signing-key=file://{keys}/cosign.key",
            f"--signing-password=file://{keys}/cosign.password",
        ]
        return run(
            ["dagger", "call", "--progress=plain", "-m", str(ROOT), *given, *arguments], cwd=self.root, env=self.env
        )

    def record(self) -> dict[str, Any]:
        """The last run's release record."""
        return json.loads((self.root / "dist" / "release.json").read_text())  # type: ignore[no-any-return]

    def moves(self, service: str) -> dict[str, dict[str, Any]]:
        """Tag → what the last run's record says became of it at the first registry."""
        return {move["tag"]: move for move in self.record()["services"][service]["published"][0]["tags"]}

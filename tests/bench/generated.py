"""A repository of so many small services on one base: how Sealift's cost grows with their number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

from tests.bench.checkout import PROJECT, Checkout, git

BASE = "base"

_BASE_DOCKERFILE = """\
FROM python:3.11-slim-bookworm
COPY shared /opt/shared
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /opt/shared
ENV PYTHONPATH=/opt/shared
USER 1001:1001
"""

_DOCKERFILE = f"""\
ARG BASE_IMAGE=localhost:5000/{BASE}:dev
FROM ${{BASE_IMAGE}}
USER 0:0
COPY app /app
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app
USER 1001:1001
EXPOSE 8080
ENTRYPOINT ["python3", "/app/server.py"]
"""

_SHARED = """\
import http.server


def serve(name, version):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"{name} {version}".encode())

    http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()
"""

_SERVER = "from shared_server import serve\nfrom version import VERSION\n\nserve({0!r}, VERSION)\n"


class Generated(Checkout):
    """The repository. Every service but the base has a source of its own and an image of its own on the base's."""

    @classmethod
    def make(cls, root: Path, count: int) -> Self:
        """Write it, with `count` services besides the base, and commit everything."""
        root.mkdir(parents=True)
        made = cls(root)
        made._write(f"services/{BASE}/Dockerfile", _BASE_DOCKERFILE)
        made._write(f"services/{BASE}/shared/shared_server.py", _SHARED)
        for name in names(count):
            made._write(f"services/{name}/Dockerfile", _DOCKERFILE)
            made._write(f"services/{name}/app/server.py", _SERVER.format(name))
            made._write(f"services/{name}/app/version.py", "VERSION = 0\n")
        made._write("sealift.yaml", json.dumps(_config(count), indent=1))
        made._write(".gitignore", "dist/\n.env\n")
        git(root, "init", "--quiet", "--initial-branch", "main")
        git(root, "add", "--all")
        made._commit()
        return made

    @property
    def services(self) -> list[str]:
        """All but the base."""
        return sorted(folder.name for folder in (self.root / "services").iterdir() if folder.name != BASE)

    def all_sources(self) -> None:
        """One source file of every service but the base."""
        for name in self.services:
            self._append(f"services/{name}/app/version.py", f"VERSION = {self.changes}")
        self._commit()

    def _write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def names(count: int) -> list[str]:
    """`service-01` and so on, in order."""
    width = len(str(count))
    return [f"service-{number:0{width}}" for number in range(1, count + 1)]


def _config(count: int) -> dict[str, object]:
    """sealift.yaml; JSON is YAML."""
    return {
        "version": 1,
        "project": PROJECT,
        "source": "https://example.com/generated",
        "platforms": ["linux/amd64"],
        "services": {BASE: {"boot": None}, **{name: {"needs": {BASE: "BASE_IMAGE"}} for name in names(count)}},
        "environments": {
            "local": {"registry": "localhost:5000", "tags": ["dev"], "database": {"allow_sample": True}},
        },
    }

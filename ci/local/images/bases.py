"""The rebuilt base images. Each holds the version that its name says."""

from __future__ import annotations

from collections.abc import Sequence

from ci.local.images.oci import Entry
from ci.local.images.recipe import SYSTEM_PATH, Recipe
from ci.local.images.sources import go_toolchain, node_package, npm_package
from ci.local.setup import Setup
from ci.local.toolchain import GO_VERSION

NODE_VERSION = "22.23.3"
_NONROOT = "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin"
_BASE = ("?essential", "apt", "ca-certificates", "netbase", "tzdata")


def _python(_setup: Setup, _architecture: str) -> Sequence[Entry]:
    links = {"python": "python3.11", "python3": "python3.11", "python3.11": "python3.11"}
    return [
        *(Entry(f"usr/local/bin/{name}", link=f"/usr/bin/{target}") for name, target in links.items()),
        # Debian's pip installs there; Dockerfiles copy from where the image of this name has it.
        Entry("usr/local/lib/python3.11/dist-packages"),
        Entry("usr/local/lib/python3.11/site-packages", link="dist-packages"),
    ]


def _golang(setup: Setup, architecture: str) -> Sequence[Entry]:
    folders = [Entry(f"go/{name}", mode=0o1777) for name in ("src", "bin", "pkg")]
    return [*go_toolchain(setup, architecture), *folders]


def _node(setup: Setup, architecture: str) -> Sequence[Entry]:
    links = {
        "nodejs": "node",
        "npm": "../lib/node_modules/npm/bin/npm-cli.js",
        "npx": "../lib/node_modules/npm/bin/npx-cli.js",
    }
    return [
        *node_package(setup, architecture, "usr/local"),
        *npm_package(setup, "usr/local/lib/node_modules/npm"),
        *(Entry(f"usr/local/bin/{name}", link=target) for name, target in links.items()),
        Entry("home/node", owner=1000),
    ]


def _distroless_node(setup: Setup, architecture: str) -> Sequence[Entry]:
    binary = [entry for entry in node_package(setup, architecture, "nodejs") if entry.path == "nodejs/bin/node"]
    return [*_nonroot(setup, architecture), *binary]


def _nonroot(_setup: Setup, _architecture: str) -> Sequence[Entry]:
    return [Entry("home/nonroot", mode=0o700, owner=65532)]


BASES = (
    Recipe(
        names=("docker.io/library/python:3.11-slim-bookworm", "docker.io/library/python:3.11-slim"),
        title="Debian's Python 3.11",
        packages=(*_BASE, "python3-minimal", "python3-pip", "python3-venv"),
        contents=_python,
        config={"Env": [f"PATH={SYSTEM_PATH}", "LANG=C.UTF-8", "PYTHON_VERSION=3.11.2"], "Cmd": ["python3"]},
    ),
    Recipe(
        names=(f"docker.io/library/golang:{GO_VERSION}-bookworm",),
        title=f"Go {GO_VERSION} on Debian",
        packages=(*_BASE, "git", "gcc", "libc6-dev", "make", "pkg-config"),
        contents=_golang,
        config={
            "Env": [
                f"PATH=/go/bin:/usr/local/go/bin:{SYSTEM_PATH}",
                f"GOLANG_VERSION={GO_VERSION}",
                "GOTOOLCHAIN=local",
                "GOPATH=/go",
            ],
            "Cmd": ["bash"],
            "WorkingDir": "/go",
        },
        facts=(GO_VERSION,),
    ),
    Recipe(
        names=("docker.io/library/node:22-bookworm-slim",),
        title=f"Node {NODE_VERSION} on Debian",
        packages=(*_BASE, "libstdc++6"),
        accounts=("node:x:1000:1000::/home/node:/bin/bash",),
        contents=_node,
        config={"Env": [f"PATH={SYSTEM_PATH}", f"NODE_VERSION={NODE_VERSION}"], "Cmd": ["node"]},
        facts=(NODE_VERSION,),
    ),
    Recipe(
        names=("gcr.io/distroless/static-debian12:nonroot",),
        title="Debian's base files, time zones and trust store",
        packages=("base-files", "base-passwd", "ca-certificates", "netbase", "tzdata"),
        accounts=(_NONROOT,),
        contents=_nonroot,
        config={"Env": [f"PATH={SYSTEM_PATH}"], "User": "65532", "WorkingDir": "/home/nonroot"},
    ),
    Recipe(
        names=("gcr.io/distroless/nodejs22-debian12:nonroot",),
        title=f"Node {NODE_VERSION} and the libraries it needs",
        packages=("base-files", "base-passwd", "ca-certificates", "libc6", "libstdc++6", "netbase", "tzdata"),
        accounts=(_NONROOT,),
        contents=_distroless_node,
        config={
            "Env": [f"PATH={SYSTEM_PATH}"],
            "User": "65532",
            "WorkingDir": "/home/nonroot",
            "Entrypoint": ["/nodejs/bin/node"],
        },
        facts=(NODE_VERSION,),
    ),
)

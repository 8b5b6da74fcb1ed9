"""What the rebuilt images take from package registries other than Debian's, through those registries' own clients."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from ci.local.images.oci import Entry, tree
from ci.local.locks import built
from ci.local.setup import Setup, fingerprint
from ci.local.toolchain import GO_VERSION, LOCKS
from pipelines.errors import EngineError

_NODE_NAMES = {"amd64": "x64", "arm64": "arm64"}
# Parts of the Go distribution that no build reads.
_GO_LEFT_OUT = ("usr/local/go/test/", "usr/local/go/doc/", "usr/local/go/api/")


def go_toolchain(setup: Setup, architecture: str) -> Sequence[Entry]:
    """The Go distribution at /usr/local/go, from the module that the `go` command fetches toolchains from.

    A module holds neither executable bits nor files called go.mod, so the `go` command restores both after fetching:
    `cmd/go/internal/toolchain/select.go`. The same is done here.
    """
    module = f"golang.org/toolchain@v0.0.1-go{GO_VERSION}.linux-{architecture}"
    setup.report(f"fetching Go {GO_VERSION} for {architecture} as a Go module …")
    done = setup.runner.run(
        ["go", "mod", "download", "-json", module],
        environment={**setup.environment, "GOFLAGS": "", "GOWORK": "off"},
        folder=setup.paths.cache,
        timeout=600,
    )
    if not done.ok:
        raise EngineError(
            f"the Go toolchain {module} could not be fetched: {(done.errors or done.output).strip()}",
            remedy="check that the Go module proxy can be reached (`go env GOPROXY`)",
        )
    entries = [_restored(entry) for entry in tree(Path(json.loads(done.output)["Dir"]), "usr/local/go")]
    return [entry for entry in entries if not entry.path.startswith(_GO_LEFT_OUT) and "/testdata/" not in entry.path]


def _restored(entry: Entry) -> Entry:
    runnable = entry.path.startswith(("usr/local/go/bin/", "usr/local/go/pkg/tool/"))
    folder, name = entry.path.rsplit("/", 1)
    path = f"{folder}/go.mod" if name == "_go.mod" else entry.path
    return Entry(path, source=entry.source, link=entry.link, mode=0o755 if runnable else 0o644)


def node_modules(setup: Setup) -> Path:
    """Node for both architectures and npm, installed from the lock in `toolchain/node`."""
    lock = LOCKS / "node"

    def build(folder: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copyfile(lock / name, folder / name)
        setup.runner.watch(
            # --force: one of the two is for another processor than this machine's.
            ["npm", "ci", "--ignore-scripts", "--force", "--no-audit", "--no-fund"],
            title="fetching Node for both architectures as npm packages",
            report=setup.report,
            folder=folder,
        )

    return built(setup.paths.toolchain / f"node-{fingerprint(lock)}", build) / "node_modules"


def node_package(setup: Setup, architecture: str, target: str) -> Sequence[Entry]:
    """Node's own files: the program and its headers."""
    package = node_modules(setup) / f"node-linux-{_NODE_NAMES[architecture]}"
    licence = Entry(f"{target}/LICENSE", source=package / "LICENSE", mode=0o644)
    binary = Entry(f"{target}/bin/node", source=package / "bin" / "node")
    return [licence, binary, *tree(package / "include", f"{target}/include")]


def npm_package(setup: Setup, target: str) -> Sequence[Entry]:
    """npm as a global package."""
    return list(tree(node_modules(setup) / "npm", target))

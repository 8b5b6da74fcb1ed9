"""The engine's image, assembled from Debian packages and Go modules for a machine that cannot pull the official one."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ci.local.images.build import TAG
from ci.local.images.debian import debian_layer
from ci.local.images.oci import Entry, Layout, load_layer, tree, write_entries
from ci.local.locks import built
from ci.local.setup import Setup, fingerprint
from ci.local.toolchain import DAGGER, LOCKS, tool_folder
from pipelines.errors import EngineError

RUNTIME = Path(__file__).parent / "python_runtime"
_PACKAGES = (
    *("?essential", "ca-certificates", "dnsmasq-base", "git", "iproute2", "iptables", "isal"),
    *("netbase", "openssh-client", "openssl", "pigz", "runc"),
)
_PLUGINS = ("bridge", "loopback", "firewall", "host-local", "dnsname")
_TABLES = ("iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore")
_CONTENT = "usr/local/share/dagger/content"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What the official image's SDK holds; its `.python-version` is for developers of the SDK.
_SDK_FILES = ("pyproject.toml", "uv.lock", "LICENSE", "README.md")
_SDK_FOLDERS = ("src/", "codegen/")
# Client code that starts engines: a module runs inside of one.
_SDK_LEFT_OUT = ("src/dagger/_engine/", "src/dagger/provisioning/")


def engine_image_key(setup: Setup) -> str:
    """A hash over all that the image is made of."""
    cas = [part for path in setup.extra_cas for part in (path.name, path)]
    here = Path(__file__)
    writers = [here, *(here.parent / "images" / name for name in ("oci.py", "debian.py", "finish_root.py"))]
    locks = [LOCKS / DAGGER.name, LOCKS / "uv", RUNTIME, *writers]
    return fingerprint(*locks, " ".join(DAGGER.arguments), setup.machine, *cas)


def write_engine_image(setup: Setup, folder: Path) -> None:
    """Write the image's OCI layout to `folder`, under the tag that all of ours have."""
    layout = Layout(folder)
    base = debian_layer(setup, _PACKAGES, (), setup.machine)
    with TemporaryDirectory(dir=setup.paths.images) as work:
        content, layer = Path(work) / "content", Path(work) / "layer"
        digest = _python_sdk(setup, Path(work), content)
        layer.mkdir()
        setup.report("packing the engine's image …")
        write_entries(
            layer, [*_engine_files(tool_folder(setup, DAGGER)), *tree(content / "blobs", f"{_CONTENT}/blobs")]
        )
        config = {
            "Env": [_PATH, f"DAGGER_PYTHON_SDK_MANIFEST_DIGEST={digest}"],
            "Entrypoint": ["/usr/local/bin/dagger-engine"],
        }
        marks = {
            "org.opencontainers.image.title": f"rebuilt: Dagger engine {DAGGER.version}",
            "dev.sealift.rebuilt": "true",
        }
        image = layout.image(setup.machine, [base, load_layer(layer)], {**config, "Labels": marks}, marks)
    layout.index([image], marks, TAG)


def _engine_files(tools: Path) -> Iterator[Entry]:
    """The engine's programs where it looks for them, and the links that Debian's installation would have made."""
    yield Entry("usr/local/bin/dagger-engine", source=tools / "engine")
    yield Entry("usr/local/bin/dagger-init", source=tools / "init")
    yield Entry("usr/bin/dial-stdio", source=tools / "dialstdio")
    # The CLI reaches an engine in a container with `exec buildctl dial-stdio`.
    yield Entry("usr/bin/buildctl", link="dial-stdio")
    yield Entry("usr/local/bin/runc", link="/usr/sbin/runc")
    for plugin in _PLUGINS:
        yield Entry(f"opt/cni/bin/{plugin}", source=tools / plugin)
    # CAs found in that folder would be installed into every container, at some 2 s for each command: a whiteout (OCI
    # image specification, layer.md) hides it. The engine trusts them by its bundle, containers by their images'.
    yield Entry("usr/local/share/.wh.ca-certificates", content=b"")
    # The engine picks its iptables backend by path, in /usr/bin.
    for variant in ("xtables-legacy-multi", "xtables-nft-multi"):
        yield Entry(f"usr/bin/{variant}", link=f"/usr/sbin/{variant}")
    for name in _TABLES:
        yield Entry(f"usr/bin/{name}", link="xtables-nft-multi")
        yield Entry(f"usr/sbin/{name}", link=f"/usr/bin/{name}")


def _python_sdk(setup: Setup, work: Path, content: Path) -> str:
    """Write what runs modules in Python as an OCI layout with one image; returns the digest of its manifest."""
    sdk = _dagger_module(setup) / "sdk" / "python"
    entries = [_renamed(entry, "sdk/") for entry in tree(sdk, "sdk")]
    kept = [entry for entry in entries if entry.path in _SDK_FILES or entry.path.startswith(_SDK_FOLDERS)]
    runtime = [entry for entry in tree(RUNTIME, "runtime") if entry.path.endswith((".json", ".dang"))]
    dist = [Entry("dist/uv", source=_uv(setup)), Entry("dist/start.py", source=RUNTIME / "start.py", mode=0o644)]
    folder = work / "sdk"
    folder.mkdir()
    write_entries(folder, [*(e for e in kept if not e.path.startswith(_SDK_LEFT_OUT)), *runtime, *dist])
    return str(Layout(content).image(setup.machine, [load_layer(folder)], {}, {})["digest"])


def _renamed(entry: Entry, prefix: str) -> Entry:
    return replace(entry, path=entry.path.removeprefix(prefix))


def _dagger_module(setup: Setup) -> Path:
    """The folder of Dagger's own Go module in the module cache."""
    done = setup.runner.run(
        ["go", "mod", "download", "-json", f"github.com/dagger/dagger@v{DAGGER.version}"],
        environment={**setup.environment, "GOFLAGS": "", "GOWORK": "off"},
        folder=setup.paths.cache,
        timeout=600,
    )
    if not done.ok:
        raise EngineError(
            f"Dagger's module could not be fetched: {(done.errors or done.output).strip()}",
            remedy="check that the Go module proxy can be reached (`go env GOPROXY`)",
        )
    return Path(json.loads(done.output)["Dir"])


def _uv(setup: Setup) -> Path:
    """The uv program, from its wheel, with the hash of the lock."""
    requirements = LOCKS / "uv" / "requirements.txt"

    def build(folder: Path) -> None:
        own = Path(sys.executable).parent / "uv"
        found = own if os.access(own, os.X_OK) else setup.runner.which("uv")
        install = [found, "pip", "install"] if found else [sys.executable, "-m", "pip", "install"]
        setup.runner.watch(
            [*install, "--target", folder / "package", "--require-hashes", "--no-deps", "-r", requirements],
            title="fetching uv",
            report=setup.report,
        )
        shutil.move(folder / "package" / "bin" / "uv", folder / "uv")
        shutil.rmtree(folder / "package")

    return built(setup.paths.toolchain / f"uv-{fingerprint(requirements, setup.machine)}", build) / "uv"

"""Builds the tools from their lock files, once for each lock and set of flags."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ci.local.locks import built
from ci.local.setup import Setup, fingerprint
from pipelines.errors import EngineError

LOCKS = Path(__file__).parent / "toolchain"
GO_VERSION = "1.26.8"
GO_NEEDED = (1, 26)
_VERSION = re.compile(r"go(\d+)\.(\d+)")


@dataclass(frozen=True)
class Tool:
    """A Go module under `toolchain/`, whose `tool` directives name what to build.

    :param symbols: linker symbols, by which a program knows its own version.
    """

    name: str
    version: str
    symbols: Mapping[str, str]
    tags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def arguments(self) -> list[str]:
        """`go build` flags. `-trimpath` keeps this machine's folders out of the binaries."""
        linker = " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in self.symbols.items())])
        tags = ["-tags", ",".join(self.tags)] if self.tags else []
        return ["-mod=readonly", "-trimpath", *tags, "-ldflags", linker]


_DAGGER = "github.com/dagger/dagger/engine"
DAGGER = Tool(
    "dagger",
    "0.21.8",
    {f"{_DAGGER}.Version": "v0.21.8", f"{_DAGGER}.Tag": "v0.21.8"},
    # As the official engine is built: COPY --exclude and --parents in Dockerfiles.
    tags=("dfexcludepatterns", "dfparents"),
)
REGCTL = Tool("regclient", "0.11.7", {})
REGISTRY = Tool("registry", "3.1.2", {"github.com/distribution/distribution/v3/version.version": "v3.1.2"})
COSIGN = Tool("cosign", "3.1.3", {"sigs.k8s.io/release-utils/version.gitVersion": "v3.1.3"})
SYFT = Tool("syft", "1.52.0", {"main.version": "1.52.0"})
TRIVY = Tool(
    "trivy",
    "0.69.3",
    {"github.com/aquasecurity/trivy/pkg/version/app.ver": "0.69.3"},
    environment={"GOEXPERIMENT": "jsonv2"},
)
OTELCOL = Tool("otelcol", "0.165.0", {})
"""The OpenTelemetry Collector, for the tests only."""
KUBECONFORM = Tool("kubeconform", "0.8.0", {"main.version": "v0.8.0"})
HELM = Tool("helm", "3.22.0", {"helm.sh/helm/v3/internal/version.version": "v3.22.0"})
"""For the tests only: it renders Dagger's own chart with the values in deploy/engine."""
COMPOSE = Tool("compose", "2.16.2", {})
"""compose-go's own loader, with the Compose specification's schema. Both for the tests only."""
TOXIPROXY = Tool("toxiproxy", "2.12.0", {"github.com/Shopify/toxiproxy/v2.Version": "2.12.0"})
"""A proxy that breaks connections, for the tests only."""
LOCAL_KMS = Tool("local-kms", "0.0.0-20260228092603-2a5e92d09ab6", {})
"""A key management service that speaks Amazon's API, for the tests only."""
FULCIO = Tool("fulcio", "1.8.8", {})
REKOR = Tool("rekor", "2.3.0", {})
TSA = Tool("tsa", "2.1.2", {})
TESSERACT = Tool("tesseract", "0.1.1", {})
"""Sigstore's certificate authority, log, timestamp authority and log of certificates, for the tests only."""
KYVERNO = Tool("kyverno", "1.19.1", {"github.com/kyverno/kyverno/pkg/version.BuildVersion": "v1.19.1"})
POLICY_CONTROLLER = Tool("policy-controller", "0.13.1", {})
"""The policy engines' own command-line tools, for the tests only."""
ACT = Tool("act", "0.2.89", {"main.version": "0.2.89"})
"""Runs GitHub workflows on the machine itself, for the tests only."""

_BY_HAND = ((COSIGN, "cosign"), (REGCTL, "regctl"), (SYFT, "syft"), (TRIVY, "trivy"))


def tool_folder(setup: Setup, tool: Tool) -> Path:
    """The folder with the tool's binaries, built on first use (minutes: trivy needs 9 on two cores)."""
    lock = LOCKS / tool.name
    key = fingerprint(lock, " ".join(tool.arguments), repr(sorted(tool.environment.items())), setup.machine)

    def build(folder: Path) -> None:
        check_go(setup)
        # Go may not write into the folder it builds from, but it locks files there: an installed copy can be read-only.
        source = folder / "source"
        shutil.copytree(lock, source)
        setup.runner.watch(
            ["go", "build", *tool.arguments, "-o", f"{folder}/", "tool"],
            title=f"building {tool.name} {tool.version} from Go modules",
            report=setup.report,
            environment={**setup.environment, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off", **tool.environment},
            folder=source,
        )
        shutil.rmtree(source)

    return built(setup.paths.toolchain / f"{tool.name}-{key}", build)


def cli_folder(setup: Setup) -> Path:
    """A folder for PATH that holds the `dagger` command and nothing else (the engine's `init` has no place there)."""
    folder = tool_folder(setup, DAGGER)

    def build(work: Path) -> None:
        (work / "dagger").symlink_to(folder / "dagger")

    return built(folder / "cli", build)


def tools_folder(setup: Setup) -> Path:
    """A folder for PATH with the tools that a user checks images with by hand: cosign, regctl, syft and trivy."""
    programs = [tool_folder(setup, tool) / name for tool, name in _BY_HAND]

    def build(work: Path) -> None:
        for program in programs:
            (work / program.name).symlink_to(program)

    return built(setup.paths.toolchain / f"tools-{fingerprint(*map(str, programs))}", build)


def go_version(setup: Setup) -> tuple[int, int] | None:
    """The version of the `go` command on PATH, or None."""
    done = setup.runner.run(["go", "env", "GOVERSION"])
    found = _VERSION.search(done.output) if done.ok else None
    return (int(found[1]), int(found[2])) if found else None


def check_go(setup: Setup) -> None:
    """EngineError unless Go can build the locks: 1.26, or one from 1.21 on that may fetch 1.26 by itself."""
    version = go_version(setup)
    toolchain = setup.runner.run(["go", "env", "GOTOOLCHAIN"]).output.strip()
    if version is None or (version < GO_NEEDED and (version < (1, 21) or toolchain.startswith("local"))):
        found = "no Go" if version is None else f"Go {version[0]}.{version[1]}"
        raise EngineError(
            f"the local engine is built with Go {GO_NEEDED[0]}.{GO_NEEDED[1]}, and this machine has {found}",
            remedy="install Docker or Podman with access to the official images, or Go 1.26 or later",
        )

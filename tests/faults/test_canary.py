"""Secrets are planted, releases run with them, well and badly, and nothing that these leave behind has one."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from ci.local.record import load_record
from tests.faults.canaries import Hunt, files
from tests.faults.onlooker import Onlooker, Sight, looking_on
from tests.faults.peers import distribution
from tests.faults.planted import planted, variables
from tests.faults.stand import ASLEEP, READ, STATE, Stand, asleep
from tests.integration.collector import built, collector
from tests.scratch import ROOT, Registry, Scratch

PYTHON = Path(sys.executable).name
ENDED = {
    "published": 0,
    "build": 8,
    "root": 4,
    "login": 5,
    "key": 10,
    "interrupted": 130,
    "called": 0,
    "registry": 5,
}
"""Run → how it must end."""

THE_USERS = {
    ("registry", "CANARY_REGISTRY"),
    ("wrong-registry", "CANARY_REGISTRY"),
    ("token", "GITHUB_TOKEN"),
    ("token", "SIGSTORE_ID_TOKEN"),
}
"""What is in the environment that the user gives the command."""
MAY_BE = {
    # The session reads the addresses `env://`.
    *(
        Sight(canary, program, name)
        for canary, name in THE_USERS
        for program in (f"{PYTHON} ci", "dagger session", "dagger call")
    ),
    *(
        Sight(canary, program, "COSIGN_PASSWORD")
        for canary in ("key-password", "wrong-key-password")
        for program in (".init /ko-app/cosign", "cosign public-key", "cosign sign", "cosign attest")
    ),
}
"""What holds a secret because it needs it."""


@dataclass(frozen=True, kw_only=True)
class Caught:
    """What there is to search after the runs. `stamp` is a file from before them, `registry` the registry's folder."""

    stand: Stand
    hunt: Hunt
    onlooker: Onlooker
    stamp: Path
    registry: Path
    traces: Path


@pytest.fixture(scope="module")
def caught(engine: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caught]:
    if load_record(STATE / "running.json").mode != "assembled":
        pytest.skip("looks into the folder and the log of an assembled engine")
    folder = tmp_path_factory.mktemp("canary")
    (folder / "evidence").mkdir()
    canaries = planted(folder / "secrets", engine)
    hunt, stamp, began = Hunt.of(folder / "pieces", *canaries.values()), folder / "stamp", time.time()
    stamp.touch()
    scratch = Scratch(root=folder / "repository", env={}, registry=Registry(prefix="", env=engine))
    stand = Stand(scratch=scratch, evidence=folder / "evidence", canaries=canaries)
    with collector(built(), folder) as received, looking_on() as onlooker:
        scratch.env |= {
            **engine,
            "PYTHONPATH": str(ROOT),
            "SEALIFT_KEYS_DIR": str(folder / "keys"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": received.http,
            **variables(folder / "secrets", canaries),
        }
        runs(stand, folder)
    stand.keep_the_engines_log(began)
    yield Caught(
        stand=stand, hunt=hunt, onlooker=onlooker, stamp=stamp, registry=folder / "registry", traces=received.file
    )


def runs(stand: Stand, folder: Path) -> None:
    """A release by each front door, and the ways in which one fails."""
    secrets, login = folder / "secrets", ("porter", stand.canaries["registry"].text)
    log = {"level": "info", "accesslog": {"disabled": False}}
    with distribution(folder / "registry", login=login, log=log) as peer:
        repository(stand.scratch, peer.address, secrets)
        stand.sealift("published", env={"SEALIFT_DEBUG": "1"})
        stand.sealift("build", f"{READ}; exit 3")
        stand.sealift("root", user="0:0")
        stand.sealift("login", env={"CANARY_REGISTRY": stand.canaries["wrong-registry"].text})
        stand.sealift("key", env={"SIGNING_PASSWORD": f"file://{secrets / 'wrong-key-password'}"})
        stand.sealift("interrupted", ASLEEP, until=asleep)
        stand.dagger_call("called", peer.address, secrets)
    stand.sealift("registry")


def repository(scratch: Scratch, registry: str, secrets: Path) -> None:
    """One service without a server, whose build mounts two secrets."""
    scratch.root.mkdir()
    (scratch.root / ".gitignore").write_text("dist/\n.env\n")
    mounted = {"token": f"file://{secrets / 'build-token'}", "settings": f"file://{secrets / 'build-settings'}"}
    scratch.env["SEALIFT_ALLOW_SECRETS"] = " ".join(mounted.values())
    package = scratch.service("web", settings={"boot": None, "secrets": mounted}) / "site/starlette-0.49.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: starlette\nVersion: 0.49.0\n")
    local = {"registry": registry, "tags": ["dev"], "database": {"allow_sample": True}}
    scratch.extra["environments"] = {"local": local}


def test_the_runs_ended_as_they_were_to(caught: Caught) -> None:
    assert caught.stand.ended == ENDED, {name: caught.stand.said(name) for name in ENDED}
    assert "PUBLISHED" in caught.stand.said("published")


def test_what_the_commands_said_and_wrote(caught: Caught) -> None:
    """Output, with the engine's own log at its most talkative; record, reports, trace; the log of the engine."""
    evidence = caught.stand.evidence
    for name in ("published.out", "published.err", "published.dist/release.json", "published.dist/trace.json",
                 "published.dist/reports/web/linux-amd64/scan.json", "build.engine", "called.err",
                 "called.dist/release.json", "container.log"):  # fmt: skip
        assert (evidence / name).stat().st_size > 0, name
    for name in ("published.err", "build.engine"):
        assert "***" in (evidence / name).read_text(), "what the step has read aloud was never there"
    assert caught.hunt.unwrapped(files(evidence)) == {}


def test_what_was_exported(caught: Caught) -> None:
    text = caught.traces.read_text()
    assert "RUN sealift build-all" in text
    assert "withMountedSecret" in text
    assert "sealift.run.duration" in text
    assert caught.hunt.unwrapped([caught.traces]) == {}


def test_what_the_registry_holds_and_logs(caught: Caught) -> None:
    """Layers, configuration, indexes, signatures, attested SBOMs and the record, with all that is packed in them."""
    blobs = sorted((caught.registry / "blobs").rglob("data"))
    whole = b"".join(blob.read_bytes() for blob in blobs)
    for text in (b"application/vnd.dev.sigstore.bundle", b"diff_ids", b'"verdict"'):
        assert text in whole, text
    assert caught.hunt.unwrapped(blobs) == {}
    log = caught.registry / "log.txt"
    assert "PUT /v2/web/manifests/dev" in log.read_text()
    assert caught.hunt.inside([log]) == {}


def test_what_the_engine_keeps_on_disk(caught: Caught) -> None:
    """All that was written since, in the pipeline's volumes too; what the quarantine holds and what is kept of calls
    and spans, unpacked."""
    written = files(STATE, newer=caught.stamp)
    assert caught.hunt.inside(written) == {}
    quarantined = [path for path in written if path.match("blobs/sha256/*/*/data")]
    kept_of_calls = [path for path in written if path.parent.name == "clientdbs"]
    assert quarantined
    assert kept_of_calls
    assert caught.hunt.unwrapped([*quarantined, *kept_of_calls]) == {}


def test_arguments_and_environments(caught: Caught) -> None:
    sights = caught.onlooker.sights(caught.hunt)
    assert caught.onlooker.looks > 100
    seen = {sight.program for sight in sights}
    assert {f"{PYTHON} ci", "dagger session", "dagger call", "cosign sign"} <= seen, "nobody looked"
    assert sights - MAY_BE == set()

"""A whole release of a small repository, with the real engine, tools and registry."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import platform
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from tests.attested import cosign, predicates
from tests.scratch import SEALIFT, TINY, Scratch

ON_WEB = """\
ARG WEB_IMAGE=localhost:5000/web:dev
FROM ${WEB_IMAGE}
COPY server.py /app/other.py
"""
BOTH = ["linux/amd64", "linux/arm64"]
REPORTS = {
    "manifest.json", "config.json", "sbom.spdx.json", "sbom.cdx.json", "scan.json", "scan.sarif", "scan.txt",
}  # fmt: skip
GZIP = b"\x1f\x8b"


def two_services(scratch: Scratch) -> None:
    scratch.service("web")
    scratch.service("worker", dockerfile=ON_WEB, settings={"needs": {"web": "WEB_IMAGE"}})
    scratch.extra["platforms"] = BOTH
    scratch.commit()


def by_role(provenance: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """What the image was made from, by what it was to the build."""
    found: dict[str, list[dict[str, Any]]] = {}
    for item in provenance["buildDefinition"]["resolvedDependencies"]:
        assert all(item["digest"].values()), item
        found.setdefault(item["annotations"]["role"], []).append(item)
    return found


def test_everything_is_published_signed_and_attested_and_a_second_run_makes_nothing(scratch: Scratch) -> None:
    two_services(scratch)
    job = scratch.root.with_name("job-summary")
    scratch.env["GITHUB_STEP_SUMMARY"] = str(job)
    first = scratch.sealift("build-all")
    assert first.returncode == 0, first.stderr
    assert "PUBLISHED" in first.stdout
    record = scratch.record()
    assert job.read_text() == (scratch.root / "dist/summary.md").read_text()
    assert "## ✅ Published to localhost" in job.read_text()
    for command in [line for line in job.read_text().splitlines() if line.startswith("sealift verify")]:
        assert scratch.sealift(*command.split()[1:]).returncode == 0, command
    sarif = json.loads((scratch.root / "dist/sarif/worker.sarif").read_text())
    assert [run["automationDetails"]["id"] for run in sarif["runs"]] == [
        f"sealift/worker/{wanted.replace('/', '-')}/" for wanted in BOTH
    ]
    assert {run["tool"]["driver"]["name"] for run in sarif["runs"]} == {"Trivy"}
    for name in ("web", "worker"):
        entry = record["services"][name]
        assert scratch.registry.digest(name, "dev") == entry["index"]
        served = scratch.registry.index(name, "dev")
        assert sorted(served) == BOTH
        for wanted, digest in served.items():
            assert entry["platforms"][wanted]["digest"] == digest  # type: ignore[index]
            folder = scratch.root / "dist/reports" / name / wanted.replace("/", "-")
            assert {path.name for path in folder.iterdir()} == REPORTS
            reference = f"localhost:5000/{scratch.registry.prefix}{name}@{digest}"
            assert cosign(scratch, "verify", reference).returncode == 0
            (spdx,) = predicates(scratch, "spdxjson", reference)
            (cyclonedx,) = predicates(scratch, "cyclonedx", reference)
            assert spdx == json.loads((folder / "sbom.spdx.json").read_text())
            assert cyclonedx == json.loads((folder / "sbom.cdx.json").read_text())
            (scanned,) = predicates(scratch, "vuln", reference)
            assert scanned["scanner"]["db"]["version"] == record["database"]["digest"]
            assert scanned["scanner"]["result"]["packages"] > 0
            assert digest in (folder / "scan.json").read_text()
        index = f"localhost:5000/{scratch.registry.prefix}{name}@{entry['index']}"
        assert cosign(scratch, "verify", index).returncode == 0
        (provenance,) = predicates(scratch, "slsaprovenance1", index)
        assert provenance["runDetails"]["metadata"]["invocationId"] == record["id"]
        made_of = by_role(provenance)
        assert [item["digest"] for item in made_of["source"]] == [{"gitCommit": record["plan"]["commit"]}]
        assert {item["name"] + "@sha256:" + item["digest"]["sha256"] for item in made_of["tool"]} == set(
            record["tools"].values()
        )
        assert [f"sha256:{item['digest']['sha256']}" for item in made_of["database"]] == [record["database"]["digest"]]
        stands_on = made_of["base" if name == "web" else "service"]
        assert {item["annotations"]["platform"]: f"sha256:{item['digest']['sha256']}" for item in stands_on} == {
            wanted: unit["labels"]["org.opencontainers.image.base.digest"]
            for wanted, unit in entry["platforms"].items()
        }
    assert all("@sha256:" in image for image in record["tools"].values()), record["tools"]
    second = scratch.sealift("build-all", "--json")
    assert second.returncode == 0, second.stderr
    again = json.loads(second.stdout)
    for name in ("web", "worker"):
        assert again["services"][name]["index"] == record["services"][name]["index"]
        assert all(unit["cached"] for unit in again["services"][name]["platforms"].values())
        assert not any(move["moved"] for move in again["services"][name]["published"][0]["tags"])
    verified = scratch.sealift("verify", "--json")
    assert verified.returncode == 0, verified.stderr
    assert [item["service"] for item in json.loads(verified.stdout)] == ["web", "worker"]


def steps(said: str) -> set[tuple[str, str]]:
    """(stage, service) of every stage that ended well, from the lines that a run prints where there is no terminal."""
    ended = [line.split("✓")[1] for line in said.splitlines() if line.startswith("[") and "✓" in line]
    return {(line[:17].strip(), line[17:].split()[0] if line[17:50].strip() else "") for line in ended}


def test_a_release_in_which_one_service_changed_carries_that_one_alone(scratch: Scratch) -> None:
    changed = scratch.service("web")
    scratch.service("other")
    scratch.commit()
    assert scratch.sealift("build-all").returncode == 0
    (changed / "server.py").write_text((changed / "server.py").read_text() + "# changed\n")
    scratch.commit()
    done = scratch.sealift("build-all")
    assert done.returncode == 0, done.stderr
    for stage in ("sign", "attest", "copy"):
        assert {service for name, service in steps(done.stderr) if name == stage} == {"web"}, done.stderr
    units = {name: entry["platforms"]["linux/amd64"] for name, entry in scratch.record()["services"].items()}
    assert units["other"]["cached"]  # type: ignore[index]
    assert not units["web"]["cached"]  # type: ignore[index]


def test_signatures_that_are_gone_at_the_target_are_carried_again(scratch: Scratch) -> None:
    scratch.service("web", dockerfile=TINY, settings={"boot": None})
    scratch.commit()
    assert scratch.sealift("build-all").returncode == 0
    digest = scratch.registry.digest("web", "dev")
    assert digest is not None
    repository = f"localhost:5000/{scratch.registry.prefix}web"
    gone = scratch.registry.regctl("tag", "rm", f"{repository}:{digest.replace(':', '-')}")
    assert gone.returncode == 0, gone.stderr
    assert cosign(scratch, "verify", f"{repository}@{digest}").returncode != 0
    done = scratch.sealift("build-all")
    assert done.returncode == 0, done.stderr
    assert ("copy", "web") in steps(done.stderr)
    assert cosign(scratch, "verify", f"{repository}@{digest}").returncode == 0
    assert scratch.registry.digest("web", "dev") == digest


def test_a_rehearsal_without_push_leaves_the_registry_alone(scratch: Scratch) -> None:
    scratch.service("web")
    scratch.commit()
    done = scratch.sealift("build-all", "--no-push")
    assert done.returncode == 0, done.stderr
    assert "nothing was pushed" in done.stdout
    assert scratch.record()["state"] == "signed"
    assert scratch.registry.tags("web") == []


def test_a_build_without_cache_runs_every_step_again(scratch: Scratch) -> None:
    scratch.service("web", dockerfile=DOCKERFILE_WITH_RANDOM)
    scratch.commit()
    digests = [json.loads(scratch.sealift("build", "--json").stdout)[0]["digest"] for _ in range(2)]
    assert digests[0] == digests[1], "a cached step ran again"
    fresh = json.loads(scratch.sealift("build", "--json", "--no-cache").stdout)[0]["digest"]
    assert fresh != digests[0], "--no-cache ran no step again"


DOCKERFILE_WITH_RANDOM = """\
FROM python:3.11-slim-bookworm
RUN head -c 16 /dev/urandom > /random
COPY server.py /app/server.py
USER 1001:1001
ENTRYPOINT ["python3", "/app/server.py"]
"""


def test_single_verbs_build_scan_describe_and_export(scratch: Scratch) -> None:
    scratch.service("web")
    scratch.commit()
    built = scratch.sealift("build", "--json", "--export", "images")
    assert built.returncode == 0, built.stderr
    with tarfile.open(scratch.root / "images/web-linux-amd64.tar") as archive:
        layout = archive.extractfile("index.json")
        assert layout is not None
        held = [manifest["digest"] for manifest in json.load(layout)["manifests"]]
        assert held == [json.loads(built.stdout)[0]["digest"]]
    scanned = scratch.sealift("scan", "--json")
    assert scanned.returncode == 0, scanned.stderr
    assert json.loads(scanned.stdout)[0]["digest"] == json.loads(built.stdout)[0]["digest"]
    described = scratch.sealift("sbom", "--json")
    assert described.returncode == 0, described.stderr
    assert json.loads(described.stdout)[0]["packages"] > 50
    spdx = json.loads((scratch.root / "dist/reports/web/linux-amd64/sbom.spdx.json").read_text())
    assert any(package["name"] == "libc6" for package in spdx["packages"])


def test_build_stages_run_on_the_engines_own_platform(scratch: Scratch) -> None:
    dockerfile = """\
FROM --platform=$BUILDPLATFORM python:3.11-slim-bookworm AS build
ARG TARGETARCH
RUN uname -m > /built-on && echo "for $TARGETARCH" >> /built-on
FROM python:3.11-slim-bookworm
COPY --from=build /built-on /built-on
COPY server.py /app/server.py
USER 1001:1001
ENTRYPOINT ["python3", "/app/server.py"]
"""
    scratch.service("web", dockerfile=dockerfile)
    scratch.extra["platforms"] = BOTH
    scratch.commit()
    done = scratch.sealift("build", "--platform", "linux/arm64", "--export", "images")
    assert done.returncode == 0, done.stderr
    assert (
        file_in_image(scratch.root / "images/web-linux-arm64.tar", "built-on") == f"{platform.machine()}\nfor arm64\n"
    )


def file_in_image(archive: Path, name: str) -> str:
    """The text of a file in the only layer of an OCI archive that has it."""
    with tarfile.open(archive) as layout:
        for member in layout:
            blob = layout.extractfile(member)
            if blob is None or blob.read(2) != GZIP:
                continue
            blob.seek(0)
            with tarfile.open(fileobj=blob, mode="r:gz") as layer:
                if name in layer.getnames():
                    found = layer.extractfile(name)
                    assert found is not None
                    return found.read().decode()
    raise AssertionError(f"{archive.name} has no {name}")


def test_build_secrets_reach_the_build_and_not_the_image(scratch: Scratch) -> None:
    # The history has the Dockerfile's own words: the value is not among them.
    digest = hashlib.sha256(b"planted-value").hexdigest()
    dockerfile = f"""\
FROM python:3.11-slim-bookworm
RUN --mount=type=secret,id=token sha256sum /run/secrets/token | grep -q {digest} && touch /was-there
COPY server.py /app/server.py
USER 1001:1001
ENTRYPOINT ["python3", "/app/server.py"]
"""
    scratch.service("web", dockerfile=dockerfile, settings={"secrets": {"token": "env://SCRATCH_TOKEN"}})
    scratch.commit()
    scratch.env |= {"SCRATCH_TOKEN": "planted-value", "SEALIFT_ALLOW_SECRETS": "env://SCRATCH_TOKEN"}
    done = scratch.sealift("build", "--json", "--export", "images")
    assert done.returncode == 0, done.stderr
    archive = scratch.root / "images/web-linux-amd64.tar"
    assert file_in_image(archive, "was-there") == ""
    with tarfile.open(archive) as layout:
        for member in filter(tarfile.TarInfo.isfile, layout):
            blob = layout.extractfile(member)
            assert blob is not None
            content = blob.read()
            if content.startswith(GZIP):
                content = gzip.decompress(content)
            assert b"planted-value" not in content, member.name
    assert "planted-value" not in done.stdout + done.stderr


def test_two_runs_at_once_do_not_break_each_other(scratch: Scratch) -> None:
    two_services(scratch)
    environ = {**os.environ, **scratch.env}
    runs = [
        subprocess.Popen(
            [*SEALIFT, "build-all", "--out", f"dist/{number}"],
            cwd=scratch.root, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for number in range(2)
    ]  # fmt: skip
    for process in runs:
        output, _ = process.communicate(timeout=600)
        assert process.returncode == 0, output
    records = [json.loads((scratch.root / f"dist/{n}/release.json").read_text()) for n in range(2)]
    assert records[0]["services"]["web"]["index"] == records[1]["services"]["web"]["index"]

"""One release, built on two engines that share nothing: each builds its part, and one of them releases all of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pipelines.model import RECORDS
from tests.attested import predicates
from tests.faults.machine import Machine
from tests.faults.small import Small
from tests.scratch import REGISTRY, SEALIFT, run

BOTH = ("linux/amd64", "linux/arm64")
ON_WEB = "ARG WEB_IMAGE\nFROM ${WEB_IMAGE}\nCOPY server.py /other.py\n"


@pytest.fixture(scope="module")
def made(machine: Machine, engine: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """Two services, one on the other, on two platforms; `partials/` has what each engine built of them."""
    repository = Small.create(tmp_path_factory.mktemp("runners"), engine)
    (repository.root / ".gitignore").write_text("dist/\npartials/\n.env\n")
    # An engine takes `FROM scratch` for its own platform.
    (repository.root / "services/web/Dockerfile").write_text(WEB)
    repository.service("worker", dockerfile=ON_WEB, settings={"boot": None, "needs": {"web": "WEB_IMAGE"}})
    repository.service("server", settings={"boot": {"port": 8080, "path": "/"}})
    repository.extra["platforms"] = BOTH
    made = repository.under_a_prefix_of_its_own()
    made.extra["platforms"] = BOTH
    made.commit()
    there = machine.run(
        *SEALIFT, "build", "--json", "--platform=linux/arm64", "--partial=partials/arm64", cwd=made.root
    )
    assert there.returncode == 0, there.stderr
    here = made.sealift("build", "--platform=linux/amd64", "--partial=partials/amd64")
    assert here.returncode == 0, here.stderr
    yield made
    made.delete("web", "worker", "server", "trivy-db", RECORDS)


WEB = """\
FROM python:3.11-slim-bookworm
COPY site /usr/lib/python3/dist-packages
COPY content /content
USER 1001:1001
"""


def part(made: Small, name: str) -> dict[str, dict[str, object]]:
    document = json.loads((made.root / "partials" / name / "partial.json").read_text())
    return {image["service"]: image for image in document["images"]}


def test_what_is_released_is_what_each_engine_built(made: Small) -> None:
    parts = {"linux/amd64": part(made, "amd64"), "linux/arm64": part(made, "arm64")}
    assert all(set(images) == {"web", "worker", "server"} for images in parts.values())
    assert all(images["server"]["boot_ms"] for images in parts.values())
    done = made.sealift("assemble", "partials")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PUBLISHED" in done.stdout
    # Nothing is built or booted here.
    assert " import " in done.stderr
    assert " build " not in done.stderr
    assert " boot " not in done.stderr
    record = made.record()
    for service in ("web", "worker", "server"):
        served = made.registry.index(service, "dev")
        assert served == {platform: images[service]["digest"] for platform, images in parts.items()}
        for platform, unit in record["services"][service]["platforms"].items():  # type: ignore[index]
            assert unit["boot_ms"] == parts[platform][service]["boot_ms"]
            assert unit["seconds"] == parts[platform][service]["seconds"]
            assert unit["made_by"]["engine_platform"] == "linux/amd64"
    makers = {
        platform: record["services"]["web"]["platforms"][platform]["made_by"]["run"]  # type: ignore[index]
        for platform in BOTH
    }
    assert len({*makers.values(), record["id"]}) == 3
    image = f"{REGISTRY}/{made.registry.prefix}web@{record['services']['web']['index']}"  # type: ignore[index]
    (provenance,) = predicates(made, "slsaprovenance1", image)
    told = provenance["buildDefinition"]["internalParameters"]["builtBy"]
    assert {platform: maker["run"] for platform, maker in told.items()} == makers
    measured = made.sealift("shards", "--count", "2", "--released")
    assert f"Measured by {record['id']}: 6 of 6 images" in measured.stdout, measured.stderr
    verified = made.sealift("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_one_engine_alone_makes_the_same_images(made: Small) -> None:
    done = made.sealift("build", "--json")
    assert done.returncode == 0, done.stderr
    alone = {(image["service"], image["platform"]): image["digest"] for image in json.loads(done.stdout)}
    parts = {"linux/amd64": part(made, "amd64"), "linux/arm64": part(made, "arm64")}
    assert alone == {
        (service, platform): image["digest"] for platform, images in parts.items() for service, image in images.items()
    }


def test_a_part_that_is_missing_cut_off_or_of_another_commit(made: Small, tmp_path: Path) -> None:
    before = made.registry.digest("web", "dev")
    missing = tmp_path / "missing"
    shutil.copytree(made.root / "partials/amd64", missing)
    done = made.sealift("assemble", str(missing))
    assert done.returncode == 3
    assert "web linux/arm64: no partial has it" in done.stderr
    build = "'sealift build --service server --service web --service worker --platform linux/arm64 --partial'"
    assert build in " ".join(done.stderr.split())
    cut = tmp_path / "cut"
    shutil.copytree(made.root / "partials", cut)
    archive = cut / "arm64/web-linux-arm64.tar"
    archive.write_bytes(archive.read_bytes()[:-512])
    done = made.sealift("assemble", str(cut))
    assert done.returncode == 3
    assert "is not the file that partial.json is about" in " ".join(done.stderr.split())
    (made.root / "more").write_text("")
    made.commit()
    done = made.sealift("assemble", "partials")
    run(["git", "reset", "-q", "--hard", "HEAD~1"], cwd=made.root)
    assert done.returncode == 3
    assert "it was built by run" in " ".join(done.stderr.split())
    assert "with the commit" in " ".join(done.stderr.split())
    assert made.registry.digest("web", "dev") == before


def test_an_archive_of_another_image_is_found_out(made: Small, tmp_path: Path) -> None:
    """What the document says of it is consistent in itself: only the image's own digest tells."""
    folder = tmp_path / "swapped"
    shutil.copytree(made.root / "partials", folder)
    file = folder / "arm64/partial.json"
    document = json.loads(file.read_text())
    web, worker = (next(one for one in document["images"] if one["service"] == name) for name in ("web", "worker"))
    web["archive"], web["sha256"] = worker["archive"], worker["sha256"]
    file.write_text(json.dumps(document))
    done = made.sealift("assemble", str(folder))
    assert done.returncode == 6, done.stdout + done.stderr
    assert f"the archive has {worker['digest']}, and its document says {web['digest']}" in done.stderr


def test_another_version_of_the_engine_is_not_taken(made: Small, tmp_path: Path) -> None:
    folder = tmp_path / "older"
    shutil.copytree(made.root / "partials", folder)
    file = folder / "arm64/partial.json"
    document = json.loads(file.read_text())
    file.write_text(json.dumps({**document, "engine": "v0.20.0"}))
    done = made.sealift("assemble", str(folder))
    assert done.returncode == 3
    assert f"run {document['run']} built with the engine v0.20.0" in done.stderr
    assert f"use the engine {document['engine']} for all of it" in done.stderr

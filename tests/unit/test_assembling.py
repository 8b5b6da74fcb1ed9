"""What is accepted of the images that other runs have built, and what is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipelines.assembling import Wanted, inputs_of, joined, load
from pipelines.errors import ConfigError
from pipelines.model import Platform, Unit
from pipelines.partial import FILE, Part, archive_hash

if TYPE_CHECKING:
    from tests.unit.conftest import Samples

COMMIT = "c" * 40
AMD64, ARM64 = Platform("linux/amd64"), Platform("linux/arm64")
UNITS = [Unit(service=name, platform=platform) for name in ("aidb", "docs") for platform in (AMD64, ARM64)]
WANTED = Wanted(
    project="shop",
    environment="prod",
    commit=COMMIT,
    builder="https://builder.example",
    sealift="1.0.0",
    inputs={unit: f"{number}" * 64 for number, unit in enumerate(UNITS)},
)
Change = Callable[[dict[str, Any]], object]


def written(folder: Path, platform: Platform, change: Change = lambda _: None) -> dict[str, Any]:
    """A partial with both services on one platform."""
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for unit in UNITS:
        if unit.platform == platform:
            archive = folder / f"{unit.service}-{platform.slug}.tar"
            archive.write_text(f"the image of {unit}")
            images.append(
                {
                    "service": unit.service, "platform": platform, "archive": archive.name,
                    "digest": "sha256:" + WANTED.inputs[unit], "sha256": archive_hash(archive),
                    "inputs": WANTED.inputs[unit], "bases": {"debian": "sha256:" + "b" * 64}, "boot_ms": 120,
                    "seconds": 4.2, "baked": [],
                }
            )  # fmt: skip
    document: dict[str, Any] = {
        "format": 1, "run": f"run-{platform.slug}", "invocation": None, "builder": WANTED.builder, "project": "shop",
        "environment": "prod", "commit": COMMIT, "sealift": "1.0.0", "engine": "v0.21.8", "engine_platform": platform,
        "images": images,
    }  # fmt: skip
    change(document)
    (folder / FILE).write_text(json.dumps(document))
    return document


def refusal(folder: Path, wanted: Wanted = WANTED) -> str:
    with pytest.raises(ConfigError) as failure:
        joined(load(folder), wanted)
    return str(failure.value)


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """Two runners, each with its own platform, in folders of their own."""
    written(tmp_path / "one/dist", AMD64)
    written(tmp_path / "other", ARM64)
    return tmp_path


def test_all_of_it_from_two_runners(whole: Path) -> None:
    parts: Mapping[Unit, Part] = joined(load(whole), WANTED)
    assert set(parts) == set(UNITS)
    one = parts[UNITS[1]]
    assert one.archive.read_text() == "the image of aidb linux/arm64"
    assert one.partial.maker.as_json() == {
        "run": "run-linux-arm64",
        "invocation": None,
        "builder": WANTED.builder,
        "engine_platform": "linux/arm64",
    }


def test_what_two_runners_have_built_alike_is_taken_once(whole: Path) -> None:
    written(whole / "third", AMD64)
    assert set(joined(load(whole), WANTED)) == set(UNITS)


def test_a_partial_reads_as_it_was_written(whole: Path) -> None:
    for folder, partial in load(whole):
        (folder / FILE).write_text(partial.text())
    assert set(joined(load(whole), WANTED)) == set(UNITS)


@pytest.mark.parametrize(
    ("key", "what"),
    [
        ("project", "the project"), ("environment", "the environment"), ("commit", "the commit"),
        ("sealift", "Sealift"), ("builder", "the builder"),
    ],
)  # fmt: skip
def test_of_something_else(whole: Path, key: str, what: str) -> None:
    written(whole / "other", ARM64, lambda document: document.update({key: "another"}))
    said = refusal(whole)
    assert f"{whole / 'other' / FILE}: it was built by run run-linux-arm64 with {what} another, and here it is " in said
    assert "build every partial with the commit, the environment and the Sealift that assembles them" in said


def test_missing_images_are_named_with_the_command_that_builds_them(whole: Path) -> None:
    written(whole / "other", ARM64, lambda document: document["images"].pop())
    said = refusal(whole)
    assert "docs linux/arm64: no partial has it" in said
    assert "'sealift build --service docs --platform linux/arm64 --partial' builds what is missing" in said


def test_all_that_is_wrong_with_the_images_is_said_at_once(whole: Path) -> None:
    def change(document: dict[str, Any]) -> None:
        document["images"][0] |= {"digest": "sha256:" + "f" * 64, "inputs": "e" * 64, "archive": "not-there.tar"}

    written(whole / "third", AMD64, change)
    (whole / "other/docs-linux-arm64.tar").write_text("cut o")
    said = refusal(whole)
    third, one = whole / "third" / FILE, whole / "one/dist" / FILE
    assert f"aidb linux/amd64: {third} was built of other files, arguments or labels than there are here" in said
    assert f"aidb linux/amd64: {one} has sha256:{WANTED.inputs[UNITS[0]]}, and {third} sha256:{'f' * 64}" in said
    assert f"aidb linux/amd64: {whole / 'third/not-there.tar'} is not there" in said
    assert "docs-linux-arm64.tar is not the file that partial.json is about: it was cut off, or altered" in said


def test_an_archive_is_no_way_out_of_the_folder(whole: Path) -> None:
    (whole / "secret").write_text("a secret")
    archive = whole / "other/aidb-linux-arm64.tar"
    archive.unlink()
    archive.symlink_to(whole / "secret")
    assert f"{archive} is not there" in refusal(whole)
    written(whole / "other", ARM64, lambda document: document["images"][0].update({"archive": "../secret"}))
    assert "images.0.archive: String should match pattern" in refusal(whole)


def test_what_is_not_asked_for(whole: Path) -> None:
    wanted = replace(WANTED, inputs={unit: text for unit, text in WANTED.inputs.items() if unit.service == "aidb"})
    assert f"docs linux/amd64: {whole / 'one/dist' / FILE} has it, and it is not asked for here" in refusal(
        whole, wanted
    )


def test_a_folder_without_any(tmp_path: Path) -> None:
    said = refusal(tmp_path)
    assert f"{tmp_path} has no partial.json, in no folder below it" in said
    assert "sealift build --partial" in said


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "Invalid JSON"),
        ("[]", "Input should be an object"),
        ('{"format": 2}', "format: Input should be 1"),
        ('{"format": 1, "more": 1}', "more: Extra inputs are not permitted"),
        ("\udcff", "can't decode"),
    ],
)
def test_what_is_no_such_document(whole: Path, text: str, problem: str) -> None:
    (whole / "other" / FILE).write_text(text, errors="surrogateescape")
    said = refusal(whole)
    assert f"{whole / 'other' / FILE}: " in said
    assert problem in said


def test_inputs_are_what_the_repository_says_of_one_platforms_image(samples: Samples, tmp_path: Path) -> None:
    context = tmp_path / "services/aidb"
    context.mkdir(parents=True)
    (context / "Dockerfile").write_text("FROM debian\n")
    service = samples.service()
    plan = samples.plan([service])
    before = inputs_of(tmp_path, plan)
    assert set(before) == {unit for unit in UNITS if unit.service == "aidb"}
    assert len(set(before.values())) == 2
    assert inputs_of(tmp_path, samples.plan([replace(service, platforms=(AMD64,))])) == {UNITS[0]: before[UNITS[0]]}
    for other in ({"args": {"A": "b"}}, {"labels": {"a": "b"}}, {"target": "x"}, {"secrets": {"npm": "env://NPM"}}):
        changed = inputs_of(tmp_path, samples.plan([replace(service, **other)]))
        assert not set(changed.values()) & set(before.values()), other
    (context / "more").write_text("")
    assert not set(inputs_of(tmp_path, plan).values()) & set(before.values())
    (context / "Dockerfile").unlink()
    with pytest.raises(ConfigError, match="Dockerfile cannot be read"):
        inputs_of(tmp_path, plan)


def test_only_what_was_announced_is_taken(whole: Path) -> None:
    announced = {archive_hash(path) for path in whole.rglob(FILE)}
    assert load(whole, announced) == load(whole)
    missing = "f" * 64
    with pytest.raises(ConfigError, match=f"{missing} was announced, and is not here"):
        load(whole, announced | {missing})
    # Whoever can upload to the run's artifacts adds one, or puts it in the place of another.
    written(whole / "another", AMD64, lambda document: document.update(run="theirs"))
    with pytest.raises(ConfigError, match=f"another/{FILE}: nobody has announced [0-9a-f]{{64}}"):
        load(whole, announced)
    written(whole / "other", ARM64, lambda document: document.update(run="theirs"))
    with pytest.raises(ConfigError) as failure:
        load(whole, announced)
    assert "was announced, and is not here" in str(failure.value)

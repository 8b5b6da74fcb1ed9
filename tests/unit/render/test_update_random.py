"""Manifests put together at random: whatever they look like, only images change, and what was added is all that is."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
import yaml

from pipelines.record import Record
from pipelines.render import carriers
from pipelines.render.images import Images
from pipelines.render.update import update

OLD = "ghcr.io/sealift/aidb:v1.2.2"
# The image's name is in it, where it is no image.
COMMAND = ("command:", f"- |\n      image: {OLD}-not", "- sh")
CASES = 40


def value(pick: random.Random) -> str:
    """An image, written in one of the ways that there are."""
    image = pick.choice([OLD, OLD, "postgres:16"])
    forms = [image, f"'{image}'", f'"{image}"', f"&a{pick.randrange(9**9)} {image}", f"!!str {image}", f"  {image}"]
    return pick.choice(forms)


def container(pick: random.Random) -> str:
    """An item of a list of containers, two columns in."""
    if pick.random() < 0.25:
        return f"  - {{name: x, image: {value(pick)}, args: [a]}}\n"
    policy = "imagePullPolicy: " + pick.choice(["Always", '"Always"'])
    others = ["name: x", policy, "args: [a, 'b']", "\n    ".join(COMMAND)]
    lines = [f"image: {value(pick)}{pick.choice(['', '  # why', '   '])}", *pick.sample(others, pick.randrange(5))]
    pick.shuffle(lines)
    return "  - " + pick.choice(["\n    ", "\n    # why\n    "]).join(lines) + "\n"


def manifest(pick: random.Random) -> str:
    """One to three documents."""
    documents = [
        f"apiVersion: v1\nkind: Pod\nspec:\n  {pick.choice(['containers', 'initContainers'])}:\n"
        + "".join(container(pick) for _ in range(pick.randrange(1, 5)))
        for _ in range(pick.randrange(1, 4))
    ]
    text = "---\n".join(documents)
    text = text.rstrip() if pick.random() < 0.3 else text
    return text.replace("\n", "\r\n") if pick.random() < 0.5 else text


@pytest.mark.parametrize("seed", range(3))
def test_only_images_change(record: Record, reference: Callable[..., str], seed: int) -> None:
    pick, images = random.Random(seed), Images(record=record)  # noqa: S311
    for _ in range(CASES):
        text = manifest(pick)
        meant = text.replace(f"{OLD}-not", "\0").replace(OLD, reference("aidb")).replace("\0", f"{OLD}-not")
        files = {"f.yaml": text.encode()}
        assert update(files, carriers.kubernetes, images)["f.yaml"].after.decode() == meant
        added = update(files, carriers.kubernetes, images, pull_policy="Never", add_policy=True)["f.yaml"].after
        for found, document in zip(yaml.safe_load_all(added), yaml.safe_load_all(meant), strict=True):
            for item in (item for items in document["spec"].values() for item in items):
                if item["image"] == reference("aidb"):
                    item["imagePullPolicy"] = "Never"
            assert found == document

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipelines.model import Image, Unit
from pipelines.stages.inspect import read_image

if TYPE_CHECKING:
    from tests.unit.conftest import Samples

MANIFEST = {"schemaVersion": 2, "config": {"size": 1234}, "layers": [{"size": 1_000_000}, {"size": 32}]}


def read(samples: Samples, manifest: Any = MANIFEST, config: Any = None) -> Image:
    unit = Unit(service="aidb", platform=samples.amd64)
    return read_image(unit, samples.digest("x"), manifest, {} if config is None else config)


def test_size_is_what_a_pull_transfers(samples: Samples) -> None:
    image = read(samples)
    assert (image.size, image.layers) == (1_001_266, 2)
    assert (image.digest, str(image.unit)) == (samples.digest("x"), "aidb linux/amd64")


def test_user_and_labels(samples: Samples) -> None:
    image = read(samples, config={"config": {"User": "1001:1001", "Labels": {"a": "b"}}})
    assert (image.user, image.labels) == ("1001:1001", {"a": "b"})


@pytest.mark.parametrize("config", [{}, {"config": None}, {"config": {}}, {"config": {"User": None, "Labels": None}}])
def test_a_configuration_that_says_nothing_is_root_without_labels(samples: Samples, config: dict[str, Any]) -> None:
    image = read(samples, config=config)
    assert (image.user, image.labels) == ("", {})


@pytest.mark.parametrize(
    "manifest",
    [
        {},
        {"manifests": [], "mediaType": "application/vnd.oci.image.index.v1+json"},
        {"config": {"size": 1}},
        {"config": {}, "layers": []},
        {"config": {"size": 1}, "layers": [{}]},
        {"config": {"size": 1}, "layers": None},
        {"config": {"size": "many"}, "layers": []},
    ],
)
def test_what_is_no_image_manifest_is_refused(samples: Samples, manifest: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        read(samples, manifest)

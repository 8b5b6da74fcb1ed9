"""Building, as far as it asks no engine."""

from __future__ import annotations

from typing import Any, cast

import dagger
import pytest

from pipelines.errors import BuildError
from pipelines.model import Platform
from pipelines.stages.build import base_digest
from pipelines.stages.toolbox import Toolbox

EVIL = "sha256:27f446230c60bbf0b70e008db798bd4f33b7826f9f76f756606f5417100beef3"


class Engine:
    """Answers for any name with the image that an attacker has put there."""

    def container(self, **_: Any) -> Engine:
        return self

    def from_(self, _: str) -> Engine:
        return self

    async def image_ref(self) -> str:
        return f"docker.io/library/tool:1.0@{EVIL}"


@pytest.mark.anyio
async def test_a_name_that_stands_for_a_malicious_image_is_not_built_on() -> None:
    toolbox = Toolbox(client=cast(dagger.Client, Engine()), project="shop", run="r")
    with pytest.raises(BuildError, match="GHSA-69fq-xp46-6x23"):
        await base_digest(toolbox, "tool:1.0", Platform("linux/amd64"))

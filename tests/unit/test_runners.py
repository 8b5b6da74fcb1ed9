from __future__ import annotations

import pytest

from pipelines.errors import ConfigError
from pipelines.model import Platform
from pipelines.runners import HOSTED, parse_runner, runners_for

AMD64, RISCV = Platform("linux/amd64"), Platform("linux/riscv64")


def test_a_runner_is_a_platform_and_a_label() -> None:
    assert parse_runner("linux/arm64/v8=our_arm-1.x") == (Platform("linux/arm64/v8"), "our_arm-1.x")


@pytest.mark.parametrize(
    "text", ["", "linux/arm64", "linux/arm64=", "=label", "linux/arm64=a b", "linux/arm64=a\n", "linux/arm64=$(id)"]
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected"):
        parse_runner(text)


def test_each_platform_needs_one() -> None:
    assert runners_for([RISCV, AMD64], {**HOSTED, RISCV: "board"}) == {RISCV: "board", AMD64: "ubuntu-24.04"}
    with pytest.raises(ConfigError) as caught:
        runners_for([AMD64, RISCV], HOSTED)
    assert caught.value.remedy == "name one for each: --runner linux/riscv64=LABEL"

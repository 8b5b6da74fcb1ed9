from __future__ import annotations

import pytest

from pipelines.dockerfile_steps import steps_of
from pipelines.model import Platform

TEXT = """\
ARG BASE=python:3
FROM $BASE AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/c make \\
  all

FROM build AS tested
RUN make test
FROM $BASE
ENV A=1
copy --from=build /out /app
RUN <<EOF
FROM nothing
EOF
USER 1001
"""


@pytest.mark.parametrize(
    ("target", "steps"),
    [
        (None, ["COPY --from=build /out /app", "RUN <<EOF"]),
        ("2", ["COPY --from=build /out /app", "RUN <<EOF"]),
        ("Build", ["WORKDIR /src", "COPY . .", "RUN --mount=type=cache,target=/c make all"]),
        ("tested", ["WORKDIR /src", "COPY . .", "RUN --mount=type=cache,target=/c make all", "RUN make test"]),
    ],
)
def test_the_steps_of_the_built_stage_and_of_those_under_it(target: str | None, steps: list[str]) -> None:
    assert steps_of(TEXT, args={}, target=target, platform=Platform("linux/amd64")) == steps


def test_no_value_is_put_in_and_what_is_long_is_cut() -> None:
    text = "FROM a\nARG T\nRUN echo $T " + "x" * 1000
    (step,) = steps_of(text, args={"T": "value"}, target=None, platform=Platform("linux/amd64"))
    assert step.startswith("RUN echo $T xxx")
    assert len(step) == 400
    assert steps_of("", args={}, target=None, platform=Platform("linux/amd64")) == []

"""The instructions of a Dockerfile that make an image's layers. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.dockerfile import parser_of, stages_of
from pipelines.model import Platform

_LAYERING = ("RUN", "COPY", "ADD", "WORKDIR")
_LONGEST = 400
"""Characters of an instruction that are kept."""


def steps_of(text: str, *, args: Mapping[str, str], target: str | None, platform: Platform) -> list[str]:
    """What makes the layers above the base, in order and as it is written: no variable has its value put in.

    A WORKDIR makes one only if the folder is not there. What a base's ONBUILD adds is not known here.

    :param args, target, platform: as in `base_image`.
    """
    stages = stages_of(text, args, platform)
    starts = [stage.lines[0] for stage in stages]
    steps: list[list[str]] = [[] for _ in stages]
    # Names of stages are compared without regard to case, and a stage sees only those before it.
    numbers: dict[str, int] = {}
    for step in parser_of(text).structure:
        at = sum(start <= step["startline"] for start in starts) - 1
        if at >= 0 and step["instruction"] in _LAYERING:
            steps[at].append(" ".join(f"{step['instruction']} {step['value']}".split())[:_LONGEST])
    for number, stage in enumerate(stages):
        under = numbers.get(stage.base.lower())
        steps[number] = (steps[under] if under is not None else []) + steps[number]
        if stage.name:
            numbers[stage.name.lower()] = number
        if target is not None and target.lower() in ((stage.name or "").lower(), str(number)):
            return steps[number]
    return steps[-1] if steps else []

"""What an image is built from, looked at before anything is sent: Dockerfiles and the size of contexts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pipelines.config import InvalidConfig, LoadedConfig, Problem
from pipelines.config.files import read_text
from pipelines.config.problems import REMEDY, in_order, suggestion
from pipelines.context_size import oversize
from pipelines.contexts import Context
from pipelines.dockerfile import stage_names
from pipelines.dockerfile_hazards import hazards
from pipelines.errors import shown


def read_dockerfiles(root: Path, loaded: LoadedConfig, names: Iterable[str]) -> Mapping[str, str]:
    """The text of each service's Dockerfile; its context is looked at too.

    :raises InvalidConfig: with everything that is wrong with any of them.
    """
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for name in names:
        path = loaded.paths[name].dockerfile
        text, wrong = read_text(root / path, str(path))
        problems.extend(wrong)
        if text is not None:
            problems.extend(_check_stages(name, text, loaded))
            problems.extend(Problem(source=str(path), message=message) for message in hazards(text))
            texts[name] = text
        problems.extend(_check_size(name, root, loaded))
    if problems:
        raise InvalidConfig(in_order(problems), remedy=REMEDY)
    return texts


def _check_stages(name: str, text: str, loaded: LoadedConfig) -> Iterator[Problem]:
    """Is there something to build, and the stage that the service names?"""
    dockerfile, target = str(loaded.paths[name].dockerfile), loaded.config.services[name].target
    stages = stage_names(text)
    if not stages:
        yield Problem(source=dockerfile, message="has no FROM line: there is nothing to build")
    elif target and target.lower() not in {stage.lower() for stage in stages} | set(map(str, range(len(stages)))):
        near = suggestion(target, stages) or ";"
        message = f"{dockerfile} has no stage {shown(target)}{near} stages: {', '.join(stages)}"
        yield loaded.document.problem(("services", name, "target"), message)


def _check_size(name: str, root: Path, loaded: LoadedConfig) -> Iterator[Problem]:
    paths, budget = loaded.paths[name], loaded.config.services[name].context_budget or loaded.config.context_budget
    context = Context(folder=paths.context, dockerfile=paths.dockerfile.relative_to(paths.context))
    if why := oversize(root, context, int(budget)):
        yield loaded.document.problem(("services", name, "context"), why)

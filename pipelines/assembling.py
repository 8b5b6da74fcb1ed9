"""Whether what other runs have built is all of a release, and of this one. Asks no engine.

A partial counts only as a whole, and only for the very release that it is assembled into: the commit, the inputs, the
configuration's environment and the versions of Sealift and of the engine are those of whoever assembles.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from pipelines.contexts import Context
from pipelines.errors import ConfigError
from pipelines.key import tree_hash
from pipelines.model import Unit
from pipelines.partial import FILE, Part, Partial, archive_hash
from pipelines.plan import Plan, ServicePlan


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What whoever assembles has here.

    :param inputs: unit → what this checkout says that it is made of; every unit of the release.
    """

    project: str
    environment: str
    commit: str
    builder: str
    sealift: str
    inputs: Mapping[Unit, str]


def inputs_of(root: Path, plan: Plan) -> dict[Unit, str]:
    """Unit → a hash over all that the repository says of its image, the commit's labels included.

    Unlike the input key it is about one platform and asks no registry, so two runners of one release have the same.

    :raises ConfigError: a file cannot be read.
    """
    found = {}
    for service in plan.services:
        try:
            tree = tree_hash(root, Context(folder=service.context, dockerfile=service.dockerfile))
            dockerfile = (root / service.context / service.dockerfile).read_bytes()
        except OSError as error:
            raise ConfigError(
                f"{error.filename} cannot be read: {error.strerror}", remedy="make it readable", service=service.name
            ) from error
        for platform in service.platforms:
            about = [_of_the_plan(service), platform, tree, hashlib.sha256(dockerfile).hexdigest()]
            text = json.dumps(about, sort_keys=True)
            found[Unit(service=service.name, platform=platform)] = hashlib.sha256(text.encode()).hexdigest()
    return found


def _of_the_plan(service: ServicePlan) -> dict[str, object]:
    keys = ("context", "dockerfile", "target", "args", "secrets", "needs", "pins", "boot", "dirty")
    return {key: value for key, value in service.as_json().items() if key in keys} | {"labels": dict(service.labels)}


def load(folder: Path, documents: Collection[str] | None = None) -> list[tuple[Path, Partial]]:
    """Every partial below a folder, each with the folder that it is in, by path.

    :param documents: SHA-256, in hexadecimal digits, of each document that is to be there; None: of any.
    :raises ConfigError: there is none, one is no such document, or another one than is to be there; all problems.
    """
    files = sorted(folder.rglob(FILE))
    if not files:
        raise ConfigError(
            f"{folder} has no {FILE}, in no folder below it",
            remedy=f"build with 'sealift build --partial', and bring each folder with its {FILE} and archives here",
            step="assemble",
        )
    if documents is not None:
        _check_documents(files, documents)
    found: list[tuple[Path, Partial]] = []
    problems: list[str] = []
    for file in files:
        try:
            found.append((file.parent, Partial.model_validate_json(file.read_text(encoding="utf-8"))))
        except ValidationError as error:
            problems += [f"{file}: {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        except (OSError, ValueError) as error:
            problems.append(f"{file}: {error}")
    _refuse(problems, "bring the folders here as 'sealift build --partial' of this version wrote them")
    return found


def _check_documents(files: Sequence[Path], documents: Collection[str]) -> None:
    """:raises ConfigError: not exactly these are there. Whoever can put files here could have put others."""
    digests = {file: archive_hash(file) for file in files}
    problems = [f"{file}: nobody has announced {digest}" for file, digest in digests.items() if digest not in documents]
    problems += [f"{digest} was announced, and is not here" for digest in documents if digest not in digests.values()]
    _refuse(problems, "bring the folders here as the runs that announced them wrote them")


def joined(found: Sequence[tuple[Path, Partial]], wanted: Wanted) -> dict[Unit, Part]:
    """Unit → its image, of exactly what is wanted.

    :raises ConfigError: a partial is of something else, an image is missing, there twice and not the same, altered, or
        not wanted; all problems.
    """
    problems = [problem for folder, one in found for problem in _foreign(folder, one, wanted)]
    _refuse(problems, "build every partial with the commit, the environment and the Sealift that assembles them")
    parts: dict[Unit, Part] = {}
    for folder, one in found:
        for image in one.images:
            part = Part(folder=folder, partial=one, image=image)
            problems += _wrong(part, parts.get(image.unit), wanted)
            parts.setdefault(image.unit, part)
    missing = [unit for unit in wanted.inputs if unit not in parts]
    problems += [f"{unit}: no partial has it" for unit in missing]
    services = "".join(f" --service {name}" for name in sorted({unit.service for unit in missing}))
    platforms = "".join(f" --platform {name}" for name in sorted({unit.platform for unit in missing}))
    command = f"'sealift build{services}{platforms} --partial' builds what is missing"
    again = "build these again with 'sealift build --partial', and bring them here whole"
    _refuse(problems, command if missing else again)
    return parts


def _foreign(folder: Path, one: Partial, wanted: Wanted) -> Iterator[str]:
    """What is not as here, of the whole partial."""
    compared = (
        ("the project", one.project, wanted.project),
        ("the environment", one.environment, wanted.environment),
        ("the commit", one.commit, wanted.commit),
        ("Sealift", one.sealift, wanted.sealift),
        ("the builder", one.builder, wanted.builder),
    )
    for what, theirs, ours in compared:
        if theirs != ours:
            yield f"{folder / FILE}: it was built by run {one.run} with {what} {theirs}, and here it is {ours}"


def _wrong(part: Part, other: Part | None, wanted: Wanted) -> Iterator[str]:
    """What is wrong with one image."""
    image, unit = part.image, part.image.unit
    if unit not in wanted.inputs:
        yield f"{unit}: {part.folder / FILE} has it, and it is not asked for here"
    elif image.inputs != wanted.inputs[unit]:
        yield f"{unit}: {part.folder / FILE} was built of other files, arguments or labels than there are here"
    if other is not None and other.image.digest != image.digest:
        yield (
            f"{unit}: {other.folder / FILE} has {other.image.digest}, and {part.folder / FILE} {image.digest}:"
            " the build is not reproducible, or one of them was altered"
        )
    try:
        if part.archive.is_symlink() or not part.archive.is_file():
            yield f"{unit}: {part.archive} is not there"
        elif archive_hash(part.archive) != image.sha256:
            yield f"{unit}: {part.archive} is not the file that {FILE} is about: it was cut off, or altered"
    except OSError as error:
        yield f"{unit}: {part.archive} cannot be read: {error.strerror}"


def _refuse(problems: Sequence[str], remedy: str) -> None:
    if problems:
        raise ConfigError("\n    ".join(["nothing is assembled:", *problems]), remedy=remedy, step="assemble")

"""Search an image for the values of its own build secrets, which a Dockerfile mounts and must not leave behind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

import dagger

from pipelines import tools
from pipelines.errors import ToolError
from pipelines.model import Digest, Finding, Severity, Unit
from pipelines.stages.failures import engine_error, last_words
from pipelines.stages.toolbox import Toolbox, quarantined

_IMAGE = "/image"
_SECRETS = "/run/sealift/secrets"
_NAMED = 5
"""Places that a message names; it says how many more there are."""


@dataclass(frozen=True, kw_only=True)
class Baked:
    """`findings` name the places; `short` are secrets that it cannot be searched for, for there is no image without."""

    findings: tuple[Finding, ...] = ()
    short: tuple[str, ...] = ()


async def baked(toolbox: Toolbox, unit: Unit, digest: Digest, secrets: Mapping[str, dagger.Secret]) -> Baked:
    """Search every layer, also for what a later one deletes, the configuration with its history, and the manifest.

    The secrets are files in memory of the one container that searches. It is always asked: the engine knows a secret by
    its name, and would answer for another value.

    :raises ToolError: it could not be searched.
    """
    where = {"service": unit.service, "platform": unit.platform, "step": "secrets"}
    script = resources.files("pipelines.stages").joinpath("secret_search.py").read_text(encoding="utf-8")
    container = (
        toolbox.client.container()
        .from_(toolbox.image(tools.PROBE))
        .with_user("0:0")
        .with_new_file("/search.py", script)
    )
    container = toolbox.asked(container.with_mounted_directory(_IMAGE, _unpacked(toolbox, unit, digest)))
    for number, secret in enumerate(secrets.values()):
        container = container.with_mounted_secret(f"{_SECRETS}/{number}", secret)
    try:
        answer = await container.with_exec(["python3", "-I", "/search.py", _IMAGE, _SECRETS, *secrets]).stdout()
    except dagger.ExecError as failure:
        raise ToolError(
            f"it cannot be searched for its build secrets: {last_words(failure)}", remedy=_REMEDY, **where
        ) from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, **where) from failure
    return read_answer(answer, list(secrets), where)


_REMEDY = "run the command again; an image that cannot be searched does not leave"


def _unpacked(toolbox: Toolbox, unit: Unit, digest: Digest) -> dagger.Directory:
    """The image as an OCI layout, its layers without compression, whichever they have."""
    command = ["image", "mod", "--layer-compress=none", f"--create=ocidir://{_IMAGE}:searched"]
    container = toolbox.regctl().with_directory(_IMAGE, toolbox.client.directory())
    return container.with_exec([*command, quarantined(unit.service, digest)], use_entrypoint=True).directory(_IMAGE)


def read_answer(text: str, names: Sequence[str], where: Mapping[str, str]) -> Baked:
    """What the search said, a finding for each secret that is in the image.

    :raises ToolError: it is no answer, or not about these secrets.
    """
    try:
        answer = json.loads(text)
        found, short = answer["found"], answer["short"]
        if {*found, *short} != set(names):
            raise ValueError(f"it is about {sorted([*found, *short])}")
        return Baked(
            findings=tuple(_finding(name, places) for name, places in found.items() if places), short=tuple(short)
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ToolError(f"the search for build secrets gave no answer: {error!r}", remedy=_REMEDY, **where) from error


def _finding(name: str, places: Sequence[tuple[str, str]]) -> Finding:
    named = "; ".join(f"{part}, {at}" for part, at in places[:_NAMED])
    more = f"; and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
    return baked_secret(name, f"the value of the build secret {name!r} is in the image: {named}{more}", places[0][0])


def baked_secret(name: str, title: str, target: str) -> Finding:
    """The finding that a build secret is in an image.

    :param name: its id.
    :param title: where, in words; `target` is the first part of the image that has it.
    """
    return Finding(
        id="build-secret",
        package=name,
        installed="",
        fixed=None,
        severity=Severity.CRITICAL,
        title=title,
        target=target,
        kind="secret",
    )

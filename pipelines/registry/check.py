"""Try a registry for real: reach it, log in, pull, push and delete a small artifact."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from pipelines.errors import RegistryError
from pipelines.model import Digest, Repository, Tag
from pipelines.registry.answers import Meaning, meaning
from pipelines.registry.client import Client
from pipelines.registry.documents import is_attachment

TAG = "sealift-check"
ARTIFACT_TYPE = "application/vnd.sealift.check.v1"
STEPS = ("reach", "login", "pull", "push", "delete")

_NETWORK = (
    Meaning.UNREACHABLE, Meaning.UNTRUSTED, Meaning.PLAIN_HTTP, Meaning.NO_REGISTRY, Meaning.BUSY, Meaning.OTHER,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Step:
    """What became of one of `STEPS`.

    :param state: `ok`, `failed`, `skipped`, or `unsupported` for what this registry has no API for.
    :param problem: `network`, `login`, `permission` or `registry`; empty if it did not fail.
    """

    name: str
    state: str
    note: str = ""
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What was found of one registry."""

    registry: str
    kind: str
    repository: str
    steps: tuple[Step, ...]

    @property
    def failed(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.state == "failed")

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ok": not self.failed}


class _Broken(Exception):
    """A step failed; what needs it is not tried."""


async def check(client: Client, repository: Repository, *, known: bool, read_only: bool) -> Checked:
    """Try every step; one that fails is told, and what needs it is skipped. What is pushed is deleted again.

    :param known: there is a login.
    """
    steps: dict[str, Step] = {}

    async def attempt(name: str, work: Callable[[], Awaitable[str]], *, fatal: bool = True) -> None:
        try:
            steps[name] = Step(name=name, state="ok", note=await work())
        except RegistryError as failure:
            steps[name] = _failure(name, failure, known=known)
            if fatal:
                raise _Broken from failure

    try:
        await attempt("reach", lambda: _reach(client, steps, known=known))
        await attempt("pull", lambda: _pull(client, repository))
        if not read_only:
            await _write(client, repository, attempt, steps)
    except _Broken:
        pass
    return Checked(
        registry=str(client.target),
        kind=client.kind.name,
        repository=str(repository),
        steps=tuple(steps.get(name) or Step(name=name, state="skipped") for name in STEPS),
    )


async def _reach(client: Client, steps: dict[str, Step], *, known: bool) -> str:
    try:
        await client.ping()
    except RegistryError as failure:
        if meaning(failure.what) not in (Meaning.UNAUTHORIZED, Meaning.FORBIDDEN):
            raise
        # It answers, and as a registry does.
        steps["login"] = _failure("login", failure, known=known)
        steps["reach"] = Step(name="reach", state="ok")
        raise _Broken from failure
    asked = client.asked_for_login
    note = "" if known and asked else "asks for none" if not asked else "as everybody"
    steps["login"] = Step(name="login", state="ok", note=note)
    return ""


async def _pull(client: Client, repository: Repository) -> str:
    tags = [tag for tag in await client.tags(repository) if not is_attachment(tag)]
    if not tags:
        return "nothing there yet"
    await client.manifest(repository, Tag(tags[-1]))
    return ""


async def _write(
    client: Client,
    repository: Repository,
    attempt: Callable[..., Awaitable[None]],
    steps: dict[str, Step],
) -> None:
    # An artifact that nothing else names, so that deleting it deletes nothing else, and that another check at the same
    # time leaves alone; but where none can be deleted, always the same one.
    mark = secrets.token_hex(4)
    tag, content = (Tag(f"{TAG}-{mark}"), mark.encode()) if client.kind.deletes else (Tag(TAG), TAG.encode())
    pushed: list[Digest] = []

    async def push() -> str:
        pushed.append(await client.put(repository, tag, content, artifact_type=ARTIFACT_TYPE))
        if await client.resolve(repository, tag) != pushed[0]:
            raise RegistryError(
                f"{client.target.registry}: the tag {tag} does not name what was just pushed",
                remedy="run the check again; a cache before the registry, or two checks at once, do that",
            )
        held = await client.manifest(repository, pushed[0])
        if held is None or await client.content(repository, held.blobs[-1].digest) != content:
            raise RegistryError(
                f"{client.target.registry}: what was just pushed is not there", remedy=Meaning.OTHER.value
            )
        return ""

    async def delete() -> str:
        # Some want the tag deleted first, some know no deleting of tags.
        with suppress(RegistryError):
            await client.delete_tag(repository, tag)
        await client.delete_manifest(repository, pushed[0])
        return ""

    await attempt("push", push, fatal=False)
    if not pushed:
        return
    await attempt("delete", delete, fatal=False)
    step = steps["delete"]
    if step.state == "failed" and "[http 405]" in step.note:
        note = f"has no API for it; {repository}:{tag} stays"
        steps["delete"] = Step(name="delete", state="unsupported", note=note, remedy=step.remedy)


def _failure(name: str, failure: RegistryError, *, known: bool) -> Step:
    found = meaning(failure.what)
    problem, remedy = "registry", failure.remedy
    if found in _NETWORK:
        problem = "network"
    elif name == "login":
        problem = "login"
        if not known:
            remedy = f"there is no login for it yet: {remedy}"
    elif found in (Meaning.UNAUTHORIZED, Meaning.FORBIDDEN, Meaning.READ_ONLY):
        problem = "permission"
    return Step(name=name, state="failed", note=failure.what, problem=problem, remedy=remedy)

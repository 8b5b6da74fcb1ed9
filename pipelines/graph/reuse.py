"""Build avoidance: an image that was published before, of the same inputs, is fetched by its digest and not built.

One look-up for each service, at the first registry of the release, under a tag that its inputs make. What is there
counts only if it says itself that it was made of them, and if it verifies with everything attached to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import anyio

from pipelines.errors import RegistryError
from pipelines.graph.context import Run, Session
from pipelines.graph.keys import Read, keys_of, read
from pipelines.graph.proof import refusals
from pipelines.graph.together import together
from pipelines.key import ANNOTATION, Key
from pipelines.model import VERSION, Digest, Sealed, Tag, Target
from pipelines.plan import Plan, ServicePlan
from pipelines.predicates import attested
from pipelines.registry import remote
from pipelines.stages import publish
from pipelines.tags import TagKind


@dataclass
class Reuse:
    """What is built and what is not. Filled by `decide`.

    :param decided: set as soon as it is known of a service, and what is reused is in the quarantine.
    :param read: what every service is made of, as it was when its key was made.
    :param keys: of every service whose inputs can be told.
    :param sealed: service → what is reused.
    :param named: services whose key's tag names what is reused.
    :param why: service → why it is built, or why not, in words.
    """

    decided: dict[str, anyio.Event]
    read: Read = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    sealed: dict[str, Sealed] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)
    why: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan) -> Reuse:
        """Nothing is decided yet."""
        return cls(decided={service.name: anyio.Event() for service in plan.services})

    def build(self, service: str, why: str) -> None:
        """Decide that the service is built."""
        self.sealed.pop(service, None)
        self.why[service] = why
        self.decided[service].set()

    def take(self, one: Sealed, target: Target) -> None:
        """Decide that the service is not."""
        self.sealed[one.service] = one
        self.why[one.service] = f"reused from {target.repository(one.service)}: its inputs have not changed"
        self.decided[one.service].set()


async def decide(run: Run, reuse: Reuse, *, fetch: bool = True) -> None:
    """Decide about every service, and fetch into the quarantine what is reused.

    :param fetch: false if only the answer is wanted.
    """
    reuse.read = await read(run)
    reuse.keys, reuse.why = await keys_of(run, reuse.read)
    if why := _never(run):
        for service in run.plan.services:
            reuse.build(service.name, why)
        return
    target = run.plan.targets[0]
    found: dict[str, Sealed] = {}

    async def one(service: ServicePlan) -> None:
        if service.name not in reuse.keys:
            return reuse.build(service.name, reuse.why[service.name])
        async with run.step("look up", service.name) as note:
            key = reuse.keys[service.name]
            there = await _look_up(run, service, target, key, key.tag)
            if isinstance(there, Sealed):
                reuse.named.add(service.name)
            elif isinstance(again := await _released(run, service, target, key), Sealed):
                there = again
            note.text = "not there" if isinstance(there, str) else there.index.short
        if isinstance(there, str):
            return reuse.build(service.name, there)
        found[service.name] = there
        return None

    await together(partial(one, service) for service in run.plan.services)
    for name, why in (await _refusals(run, list(found.values()), target)).items():
        run.observer.say(f"{name}: an image of the same inputs is at {target}, and does not count: {why}")
        reuse.named.discard(name)
        wrong = found.pop(name)
        again = await _released(run, run.plan.service(name), target, reuse.keys[name])
        if isinstance(again, Sealed) and again != wrong and not await _refusals(run, [again], target):
            found[name] = again
        else:
            reuse.build(name, f"what is at {target} does not verify")
    await together(partial(_take, run, reuse, found[name], target, fetch=fetch) for name in found)


def _never(run: Run) -> str | None:
    """Why nothing is asked for."""
    if run.given:
        return "other runs have built everything for this one"
    if run.options.no_cache:
        return "--no-cache builds everything"
    if not run.options.reuse:
        return "--no-reuse builds everything"
    return None if run.options.push else "no registry is asked where nothing is pushed"


async def _released(run: Run, service: ServicePlan, target: Target, key: Key) -> Sealed | str | None:
    """What the registry has under the version that is released, whatever has become of the key's tag.

    The version may be there already, and names one image for good.
    """
    tags = [item.tag for item in service.tags if item.kind is TagKind.RELEASE]
    return await _look_up(run, service, target, key, tags[0]) if tags else None


async def _look_up(run: Run, service: ServicePlan, target: Target, key: Key, tag: Tag) -> Sealed | str:
    """What the registry has under a tag, or why that is of no use."""
    try:
        there = await remote.index(run.registries(target), service.name, tag)
    except RegistryError as failure:
        return f"{target.registry} did not say what it has: {failure.what}"
    if there is None:
        return f"no image of these inputs is at {target.repository(service.name)}"
    platforms = {
        platform: digest
        for platform in service.platforms
        for name, digest in there.platforms.items()
        if name == platform or name.startswith(f"{platform}/")
    }
    whole = len(service.platforms) == len(platforms) == len(there.platforms)
    if there.annotations.get(ANNOTATION) != key or not whole:
        if tag == key.tag:
            run.observer.say(
                f"{service.name}: {target.repository(service.name)}:{tag} names {there.digest.short}, which does not"
                " say of itself that it was made of these inputs, and does not count"
            )
        return f"the tag of these inputs names another image at {target.repository(service.name)}"
    return Sealed(
        service=service.name,
        index=there.digest,
        platforms=platforms,
        version=there.annotations.get(VERSION),
        attested=attested(scanned=run.options.scan),
    )


async def _refusals(run: Run, found: Sequence[Sealed], target: Target) -> Mapping[str, str]:
    """Service → what does not verify; everything, if the registry does not show it."""
    try:
        return await refusals(run, found, target)
    except RegistryError as failure:
        return {one.service: failure.what for one in found}


async def _take(run: Run, reuse: Reuse, one: Sealed, target: Target, *, fetch: bool) -> None:
    """Fetch what is reused, if all that it is built on is reused too: a release holds one image of each service."""
    needs = run.plan.service(one.service).needs
    for need in needs:
        await reuse.decided[need].wait()
    if built := [need for need in needs if need not in reuse.sealed]:
        reuse.build(one.service, f"it is built on {', '.join(built)}, which is built")
        return
    if fetch:
        try:
            async with run.step("fetch", one.service):
                await publish.fetch(run.toolbox, target, one.service, one.index)
        except RegistryError as failure:
            run.observer.say(f"{one.service} is built, for what is at {target} could not be fetched: {failure.what}")
            reuse.build(one.service, f"what is at {target} could not be fetched")
            return
    reuse.take(one, target)


async def lasting(run: Run, reuse: Reuse | None) -> Mapping[str, Key]:
    """The keys that still are right when everything is built: what was built while its files changed has none."""
    if reuse is None:
        return {}
    now = await read(run)
    keys: dict[str, Key] = {}
    for service in run.plan.services:
        name = service.name
        # What was fetched is as its key says, whatever has become of the files since.
        built_of_it = now[name] == reuse.read[name] and all(need in keys for need in service.needs)
        if name in reuse.keys and (built_of_it or name in reuse.sealed):
            keys[name] = reuse.keys[name]
        elif name in reuse.keys:
            run.observer.say(f"{name} will be built again next time: files changed while it was built")
    return keys


async def remember(session: Session, indexes: Mapping[str, Digest], keys: Mapping[str, str], target: Target) -> None:
    """Let the keys' tags name what was released, so that the next release finds it. Only time depends on them.

    :param indexes: service → its index, at the target already.
    :param keys: service → its input key, where it has one.
    """

    async def one(service: str, key: Key, index: Digest) -> None:
        try:
            async with session.step("remember", service, at=target):
                await remote.move(session.registries(target), service, key.tag, index)
        except RegistryError as failure:
            session.observer.say(
                f"{service} will be built again next time: {target} did not take its key: {failure.what}"
            )

    await together(partial(one, name, Key(keys[name]), index) for name, index in indexes.items() if name in keys)

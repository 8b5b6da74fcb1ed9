"""Delete what was decided to go. Each image is looked at again just before; the first refusal ends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.errors import RegistryError
from pipelines.holdings import Contents, subject_of
from pipelines.model import RECORDS, Digest, Repository, Tag
from pipelines.registry.answers import Meaning, meaning
from pipelines.registry.client import Client
from pipelines.registry.concurrent import each
from pipelines.registry.survey import Survey
from pipelines.removal import Step, steps
from pipelines.retention import Decision, Judged
from pipelines.rules import Rules

_INSTEAD = {
    "ghcr": "; in GitHub Actions, actions/delete-package-versions",
    "ecr": "; or give the repository a lifecycle policy: aws ecr put-lifecycle-policy",
}
"""What else deletes at a kind of registry whose API does not."""

Progress = Callable[[str], None]


@dataclass(kw_only=True)
class Removed:
    """What became of what was to go.

    :param gone: deleted, with all that belonged to it.
    :param left: what was not deleted, and why.
    :param failure: what ended it early.
    """

    gone: list[Judged] = field(default_factory=list)
    left: list[tuple[Judged, str]] = field(default_factory=list)
    failure: RegistryError | None = None


async def remove(client: Client, survey: Survey, decision: Decision, rules: Rules, progress: Progress) -> Removed:
    """Delete what goes, image by image, then records.

    :param progress: is told of each that is gone.
    """
    done = Removed(failure=cannot(client) if decision.going else None)
    lots = {item.manifest: item.lot for item in survey.told}
    watch = _Watch(client, survey)
    for contents in survey.holdings:
        going = [item for item in decision.going if item.service == contents.name]
        remover = _Remover(client, contents, decision.kept[contents.name], rules)
        waiting = _outermost_first(contents, going)
        for number, item in enumerate(waiting):
            if done.failure is None:
                try:
                    await watch.check()
                    why = _needed(lots.get(item.digest, {}), done) if contents.name == RECORDS else None
                    why = why or await remover.remove(item, [other.digest for other in waiting[number + 1 :]])
                except RegistryError as failure:
                    done.failure = failure
                    why = "the registry refused, or was lost"
            else:
                why = "not tried"
            if why is None:
                done.gone.append(item)
                progress(f"deleted {contents.name} {', '.join(item.tags) or item.digest.short}")
            else:
                remover.left.append(item.digest)
                done.left.append((item, why))
    return done


def cannot(client: Client) -> RegistryError | None:
    """That this kind of registry deletes nothing over its API, and what does; None if it may."""
    kind = client.kind
    if kind.deletes:
        return None
    return RegistryError(
        f"{client.target}: {kind.name} deletes nothing over the registry API; nothing was deleted",
        remedy=f"delete the digests that --json lists {kind.delete}{_INSTEAD.get(kind.id, '')};"
        " do not let a policy delete what has no tag: platforms and signatures have none",
        step="retention",
    )


class _Watch:
    """Sees whether a release has begun, or ended, since everything was read."""

    def __init__(self, client: Client, survey: Survey) -> None:
        self.client = client
        self.repository = client.target.repository(RECORDS)
        self.known = {tag for item in survey.holdings if item.name == RECORDS for tag in item.tags}

    async def check(self) -> None:
        """:raises RegistryError: there is a record that was not there."""
        if fresh := set(await self.client.tags(self.repository)) - self.known:
            raise RegistryError(
                f"{self.repository} has {', '.join(sorted(fresh))} since: a release was made meanwhile",
                remedy="wait for its end, and run the command again: it decides anew",
                step="retention",
            )


def _outermost_first(contents: Contents, going: Sequence[Judged]) -> list[Judged]:
    """What contains others goes before them: nothing that is still there ever lacks a part."""
    below = {item.digest: contents.below([item.digest]) for item in going}
    depth = {one: sum(one in others for others in below.values()) for one in below}
    return sorted(going, key=lambda item: depth[item.digest])


def _needed(lot: Mapping[str, Iterable[Digest]], done: Removed) -> str | None:
    """Why a record must stay that was to go: one of its images is still there."""
    names = sorted({item.service for item, _ in done.left if item.digest in set(lot.get(item.service, ()))})
    return f"its {', '.join(names)} was not deleted" if names else None


class _Remover:
    """Deletes from one repository. `left` are roots that were to go, and are still there."""

    def __init__(self, client: Client, contents: Contents, kept: frozenset[Digest], rules: Rules) -> None:
        self.client = client
        self.contents = contents
        self.kept = kept
        self.rules = rules
        self.left: list[Digest] = []
        self.repository: Repository = client.target.repository(contents.name)

    async def remove(self, item: Judged, later: Sequence[Digest]) -> str | None:
        """Delete one image with all that only belongs to it; why not, if it was left.

        :raises RegistryError: the registry refused, or was lost.
        """
        if why := await self._changed(item):
            return why
        todo = steps(self.contents, item.digest, self.kept, [*self.left, *later])
        if not todo:
            return "part of an image that was not deleted"
        for step in todo:
            await self._delete(step)
        return None

    async def _changed(self, item: Judged) -> str | None:
        """What has happened to the image since it was judged, if anything has."""
        listed = {tag for tag in await self.client.tags(self.repository) if subject_of(tag) is None}
        fresh = listed - self.contents.tags.keys()
        lines = {tag for tag in listed & self.contents.tags.keys() if self.rules.moves(tag)}
        asked = sorted({*(tag for tag in item.tags if tag in listed), *fresh, *lines})
        named = dict(zip(asked, await each(asked, self._resolve), strict=True))
        below = self.contents.below([item.digest])
        for tag, digest in named.items():
            if tag in item.tags and digest not in (item.digest, None):
                return f"{tag} has been moved since"
            if tag not in item.tags and digest in below:
                return f"{tag} names it now"
        return None

    async def _resolve(self, tag: str) -> Digest | None:
        return await self.client.resolve(self.repository, Tag(tag))

    async def _delete(self, step: Step) -> None:
        if step.tag is not None:
            await self.client.delete_tag(self.repository, Tag(step.tag))
            return
        try:
            await self.client.delete_manifest(self.repository, step.digest)
        except RegistryError as failure:
            tags = [*self.contents.names.get(step.digest, ()), *self.contents.holders.get(step.digest, ())]
            if meaning(failure.what) is not Meaning.INVALID or not tags:
                raise
            # Artifact Registry deletes no manifest that a tag names.
            for tag in tags:
                await self.client.delete_tag(self.repository, Tag(tag))
            await self.client.delete_manifest(self.repository, step.digest)

"""A release's images in a user's own manifests: nothing else changes, no comment, no order, no quotes, no line end.

Everything is decided before anything is written: `update` gives the new texts, or every problem that there is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import yaml

from pipelines.config.problems import Problem
from pipelines.render.edits import Edits
from pipelines.render.images import Images, Ours
from pipelines.render.nodes import Entry, Trouble, check_plain, entry, no_text, read
from pipelines.render.refusal import refuse


@dataclass(frozen=True, kw_only=True)
class Found:
    """An image in a file. `now` is what it becomes; None if it is none of the release's."""

    file: str
    line: int
    was: str
    service: str | None
    now: str | None

    @property
    def changed(self) -> bool:
        """Whether it becomes something else."""
        return self.now is not None and self.now != self.was


@dataclass(frozen=True, kw_only=True)
class Updated:
    """A file before and after. `foreign`: there is nothing in it that has images."""

    before: bytes
    after: bytes
    images: tuple[Found, ...]
    foreign: bool = False


@dataclass(frozen=True, kw_only=True)
class Place:
    """What may have an image, and the key of its pull policy."""

    body: yaml.MappingNode
    policy: str


Own = Callable[[str], Iterator[tuple[yaml.ScalarNode, str]]]
"""A service that is deployed → scalars that say of which release it is, and what each is to say."""


@dataclass(frozen=True, kw_only=True)
class Object:
    """What carries images: a Kubernetes object, or a Compose file. `own` has what it says of its release."""

    places: Sequence[Place]
    own: Own


Objects = Callable[[Sequence[yaml.Node], Images], Sequence[Object]]
"""The documents of a file, and the release → what carries images. May raise Trouble."""


@dataclass
class _File:
    """The work on one file."""

    name: str
    edits: Edits
    images: Images
    pull_policy: str | None
    add_policy: bool
    found: dict[int, Found] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    foreign: bool = False

    def after(self, nodes: Sequence[yaml.Node], objects: Objects) -> str:
        """The file's text with the release's images; what keeps it from being changed is in `problems`."""
        try:
            carriers = objects(nodes, self.images)
            for item in carriers:
                self._object(item)
            self.foreign = not carriers
            return self.edits.done()
        except Trouble as trouble:
            self.problems.append(trouble.problem(self.name))
        except (ValueError, yaml.YAMLError) as error:
            self.problems.append(Problem(source=self.name, message=f"{error}; set its images by hand"))
        return ""

    @property
    def images_found(self) -> tuple[Found, ...]:
        """Its images, in the order of the text."""
        return tuple(self.found[index] for index in sorted(self.found))

    def _object(self, item: Object) -> None:
        """Set its images, and then what the release is called."""
        services = [service for place in item.places if (service := self._caught(self._place, place))]
        if services:
            for node, value in item.own(services[0]):
                self._caught(self.edits.set, node, value)

    def _caught(self, work: Callable[..., str | None], *arguments: object) -> str | None:
        try:
            return work(*arguments)
        except Trouble as trouble:
            self.problems.append(trouble.problem(self.name))
            return None

    def _place(self, place: Place) -> str | None:
        image = entry(place.body, "image")
        if image is None:
            return None
        node = image.value
        if not isinstance(node, yaml.ScalarNode):
            raise no_text(node, "an image")
        check_plain(node)
        ours = self._ours(node)
        mark = node.start_mark
        self.found[mark.index] = Found(
            file=self.name,
            line=mark.line + 1,
            was=node.value.strip(),
            service=ours.service if ours else None,
            now=ours.reference if ours else None,
        )
        if ours is None:
            return None
        self.edits.set(node, ours.reference)
        if self.pull_policy:
            self._policy(image, place, self.pull_policy)
        return ours.service

    def _ours(self, node: yaml.ScalarNode) -> Ours | None:
        try:
            return self.images.ours(node.value.strip())
        except ValueError as error:
            raise Trouble(node, str(error)) from None

    def _policy(self, image: Entry, place: Place, value: str) -> None:
        there = entry(place.body, place.policy)
        if there is None:
            if self.add_policy:
                self.edits.add_after(image, place.policy, value)
        elif isinstance(there.value, yaml.ScalarNode):
            self.edits.set(there.value, value)
        else:
            raise no_text(there.value, "a pull policy")


def update(
    files: Mapping[str, bytes],
    objects: Objects,
    images: Images,
    *,
    pull_policy: str | None = None,
    add_policy: bool = False,
) -> Mapping[str, Updated]:
    """The files with the release's images in them.

    :param files: name for people → content.
    :param pull_policy: takes the place of the one that an image of the release has; None leaves what is there.
    :param add_policy: give it to those that have none, too.
    :raises ConfigError: every problem of every file.
    """
    made: dict[str, Updated] = {}
    problems: list[Problem] = []
    for name, data in files.items():
        document = read(data, name)
        if isinstance(document, Problem):
            problems.append(document)
            continue
        text, nodes = document
        work = _File(name=name, edits=Edits(text), images=images, pull_policy=pull_policy, add_policy=add_policy)
        after = work.after(nodes, objects)
        made[name] = Updated(before=data, after=after.encode("utf-8"), images=work.images_found, foreign=work.foreign)
        problems += work.problems
    if problems:
        refuse(problems)
    return made

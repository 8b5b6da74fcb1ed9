"""What a release is built on: the images that Dockerfiles name, held against the configuration and the lock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pipelines.config import InvalidConfig, LoadedConfig, Settings, service_platforms
from pipelines.config.bases import Bases
from pipelines.config.lock import read_lock
from pipelines.config.problems import REMEDY, Problem, in_order
from pipelines.dockerfile_images import NEED, External, Unpinnable, arguments, named_images, pinned
from pipelines.images import ImageName, parse_image
from pipelines.lock import FILE, Lock, Locked, Needed, Wanted, by_tag, differences, lacking_platforms
from pipelines.malicious import malicious
from pipelines.model import Digest, Platform


@dataclass(frozen=True, kw_only=True)
class Use:
    """One naming of an image.

    :param platform: that the service is built for there.
    :param name: None if what is written is no image, or a name that only the build knows; `why` says so then.
    """

    service: str
    platform: Platform
    image: External
    file: str
    line: int
    name: ImageName | None = None
    why: str = ""

    def problem(self, message: str) -> Problem:
        """At its line of the Dockerfile."""
        return Problem(source=self.file, line=self.line, message=message)

    @property
    def needed(self) -> frozenset[Platform]:
        """The platforms of the image that are needed; those of the builder are not known."""
        wanted = self.platform if self.image.platform is None else self.image.platform
        return frozenset([Platform(wanted)] if wanted else [])


@dataclass(frozen=True, kw_only=True)
class Based:
    """What the plan is told.

    :param pins: service → image as its Dockerfile has it → the digest that it is built on.
    :param notes: what whoever reads the plan should know.
    """

    lock: Lock | None
    pins: Mapping[str, Mapping[str, Digest]]
    notes: tuple[str, ...] = ()


def read_bases(root: Path, loaded: LoadedConfig, settings: Settings, dockerfiles: Mapping[str, str]) -> Based:
    """What the services of a plan are built on. Reads the lock below `root`.

    :param dockerfiles: service → text.
    :raises InvalidConfig: with every image that may not be built on, or that the lock does not have.
    """
    bases, lock = loaded.config.bases, read_lock(root, loaded.config.project)
    uses = list(uses_of(loaded, dockerfiles))
    problems = list(check_uses(uses, bases, pinning=lock is not None))
    if lock is not None:
        problems += [*locked_uses(uses, lock), *locked_tools(lock, settings.tools)]
    elif bases.require_lock and not settings.rehearsal:
        message = f"there is no {FILE}, and without one this is no release; run 'sealift lock' and commit it"
        problems.append(loaded.document.problem(("bases", "require_lock"), message))
    pins = pins_of(uses, lock, dockerfiles)
    problems += [problem for service in dockerfiles for problem in _unpinnable(loaded, service, dockerfiles, pins)]
    if problems:
        raise InvalidConfig(in_order(problems), remedy=REMEDY)
    return Based(lock=lock, pins=pins, notes=() if lock else tuple(_unpinned(uses)))


def uses_of(loaded: LoadedConfig, dockerfiles: Mapping[str, str]) -> Iterator[Use]:
    """Every naming of an image in these services' Dockerfiles, for each platform that they are built for."""
    for service, text in dockerfiles.items():
        config = loaded.config.services[service]
        args = arguments(config.args, config.needs)
        file = str(loaded.paths[service].dockerfile)
        for platform in service_platforms(loaded.config, service):
            for image, line in named_images(text, args=args, platform=platform):
                if not image.reference.startswith(NEED):
                    name, why = _name(image.reference)
                    yield Use(service=service, platform=platform, image=image, file=file, line=line, name=name, why=why)


def _name(reference: str) -> tuple[ImageName | None, str]:
    try:
        if not reference or "$" in reference:
            raise ValueError("the image is named by a variable whose value only the build knows")
        return parse_image(reference), ""
    except ValueError as error:
        return None, str(error)


def wanted_of(uses: Iterable[Use], tools: Mapping[str, str]) -> Wanted:
    """What a lock has to have for these. What is named by its digest needs none.

    :param tools: tool → image, as configured.
    """
    bases: dict[str, Needed] = {}
    for use in uses:
        if use.name is None or use.name.digest:
            continue
        before = bases.get(use.name.name)
        place = before.place if before else f"{use.file}:{use.line}"
        platforms = use.needed | (before.platforms if before else frozenset())
        bases[use.name.name] = Needed(platforms=platforms, place=place)
    return Wanted(bases=bases, tools=by_tag(tools))


def check_uses(uses: Iterable[Use], bases: Bases, *, pinning: bool) -> Iterator[Problem]:
    """What may not be built on, whatever a lock says.

    :param pinning: every image is pinned, or about to be: then no tag floats, and every name must be known.
    """
    patterns = [entry.image for entry in bases.allow or ()]
    for use in uses:
        if use.name is None:
            if pinning or patterns:
                yield use.problem(use.why)
            continue
        if why := malicious(use.name):
            yield use.problem(why)
        if patterns and not any(fnmatchcase(text, one) for one in patterns for text in (use.name.name, str(use.name))):
            yield use.problem(f"{use.name} is no approved base; bases.allow has: {', '.join(patterns)}")
        if not pinning and (why := use.name.floating(bases.version_numbers)):
            yield use.problem(f"{use.name}: {why}; name a version, add '@sha256:…', or pin it with 'sealift lock'")


def locked_uses(uses: Iterable[Use], lock: Lock) -> Iterator[Problem]:
    """What the lock lacks."""
    for use in uses:
        if use.name is None or use.name.digest:
            continue
        locked = lock.bases.get(use.name.name)
        if locked is None:
            yield use.problem(f"{use.name} is not in {FILE}; run 'sealift lock'")
        elif lacking := lacking_platforms(locked, use.needed):
            yield use.problem(f"{use.name} is in {FILE} (line {locked.line}) without {lacking}; run 'sealift lock'")


def locked_tools(lock: Lock, tools: Mapping[str, str]) -> Iterator[Problem]:
    """The same of the tools."""
    for one in differences(lock, Wanted(bases={}, tools=by_tag(tools))):
        if one.kind != "unused":
            there: Locked | None = lock.tools.get(one.entry.removeprefix("tool "))
            message = f"{one.entry}: {one.what}; run 'sealift lock'"
            yield Problem(source=FILE, line=there.line if there else None, message=message)


def pins_of(uses: Iterable[Use], lock: Lock | None, services: Iterable[str]) -> Mapping[str, Mapping[str, Digest]]:
    """Service → image as its Dockerfile has it → its digest, by the lock or by the Dockerfile itself."""
    pins: dict[str, dict[str, Digest]] = {service: {} for service in services}
    for use in uses:
        if use.name is None:
            continue
        locked = lock.bases.get(use.name.name) if lock else None
        if digest := use.name.digest or (locked.index if locked else None):
            pins[use.service][use.image.reference] = digest
    return pins


def _unpinnable(
    loaded: LoadedConfig, service: str, dockerfiles: Mapping[str, str], pins: Mapping[str, Mapping[str, Digest]]
) -> Iterator[Problem]:
    if not pins[service]:
        return
    config, file = loaded.config.services[service], str(loaded.paths[service].dockerfile)
    args = arguments(config.args, config.needs)
    for platform in service_platforms(loaded.config, service):
        try:
            pinned(dockerfiles[service], args=args, platform=platform, digests=pins[service])
        except Unpinnable as error:
            yield Problem(source=file, line=error.line, message=str(error))


def _unpinned(uses: Iterable[Use]) -> Iterator[str]:
    names = dict.fromkeys(str(use.name) for use in uses if use.name and not use.name.digest)
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        yield f"No lock pins {', '.join(list(names)[:3])}{more}: 'sealift lock' makes one."

"""Precedence: defaults < file < environment < flags."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from pipelines.config.bases import run_as
from pipelines.config.inherited import over, places
from pipelines.config.problems import REMEDY, InvalidConfig, Problem
from pipelines.config.schema import Config, Database, Environment
from pipelines.config.selection import all_platforms, service_platforms, with_needed
from pipelines.config.settings import Flags, Origin, Settings
from pipelines.config.values import (
    is_loopback,
    one_of,
    parse_git_sha,
    parse_jobs,
    parse_pull_policy,
    parse_registry,
    parse_release,
    parse_revision,
    parse_tag,
    parse_username,
    secret_address,
    split,
)
from pipelines.config.variables import SOURCES
from pipelines.model import Platform, Target

DEFAULT_JOBS = 4
DEFAULT_PULL_POLICY = "IfNotPresent"

_T = TypeVar("_T")
_D = TypeVar("_D")


def resolve(config: Config, *, environ: Mapping[str, str], flags: Flags | None = None) -> Settings:
    """The settings of one run. Pure: `environ` is all the environment that there is; an empty variable is not set.

    :param config: a checked configuration, of `load` or `parse`.
    :raises InvalidConfig: with every illegal variable and flag, each by its name.
    """
    given = flags or Flags()
    choice = _Choice(config, environ, given)
    settings = choice.settings()
    if choice.problems:
        raise InvalidConfig(choice.problems, remedy=REMEDY)
    return settings


class _Choice:
    """Picks each setting from the strongest source that has it, and keeps what was wrong and what won."""

    def __init__(self, config: Config, environ: Mapping[str, str], flags: Flags) -> None:
        self.config = config
        self.environ = environ
        self.flags = flags
        self.problems: list[Problem] = []
        self.origins: dict[str, Origin] = {}

    def settings(self) -> Settings:
        config, written = self.config, self.config.model_fields_set
        environments = one_of(config.environments, "environment", "environments")
        name = self._pick("environment", environments, config.default_environment, "default_environment" in written)
        environment = config.environments[name]
        registry = self._pick("registry", parse_registry, environment.registry, True)
        services = self._services()
        return Settings(
            environment=name,
            registry=registry,
            prefix=self._inherit("prefix", environment.prefix, config.prefix),
            insecure=self._insecure(environment, registry),
            also=self._also(environment, registry),
            regions=self._file("regions", places(config, environment, environment.regions), bool(environment.regions)),
            when_tags_fail=self._of("when_tags_fail", environment),
            tag_prefix=self._of("tag_prefix", environment),
            tags=tuple(self._inherit("tags", environment.tags, config.tags)),
            # As they are: a tag with a comma or a line break is illegal, and not two tags.
            explicit_tags=self._pick_all("explicit_tags", parse_tag, (), separate=lambda text: [text]),
            policy=self._inherit("policy", over(config.policy, environment.policy), config.policy),
            database=self._database(environment, registry),
            signing=self._inherit("signing", over(config.signing, environment.signing), config.signing),
            retention=self._inherit("retention", over(config.retention, environment.retention), config.retention),
            tools=self._file("tools", run_as(config.tools), "tools" in written),
            platforms=self._platforms(services),
            services=services,
            version=self._pick("version", parse_release(config.services), None),
            git_sha=self._pick("git_sha", parse_git_sha, None),
            username=self._pick("username", parse_username, None),
            password=self._pick("password", lambda text: secret_address("DOCKER_PASSWORD", text), None),
            image_pull_policy=self._pick("image_pull_policy", parse_pull_policy, DEFAULT_PULL_POLICY),
            since=self._pick("since", parse_revision, None),
            jobs=self._pick("jobs", parse_jobs, DEFAULT_JOBS),
            origins=MappingProxyType(self.origins),
            part=self.flags.part,
        )

    def _pick(self, field: str, parse: Callable[[str], _T], otherwise: _D, in_file: bool = False) -> _T | _D:
        """Flag, else variable, else the given value. What cannot be parsed is a problem and counts as not given."""
        label, texts, origin = self._given(field)
        for value in self._parsed(label, parse, texts):
            self.origins[field] = origin
            return value
        return self._file(field, otherwise, in_file)

    def _pick_all(
        self,
        field: str,
        parse: Callable[[str], _T],
        otherwise: tuple[_T, ...],
        in_file: bool = False,
        *,
        separate: Callable[[str], list[str]] = split,
    ) -> tuple[_T, ...]:
        """The same for a list, each value once."""
        label, texts, origin = self._given(field)
        parts = [part for text in texts for part in separate(text) or [""]]
        if values := tuple(dict.fromkeys(self._parsed(label, parse, parts))):
            self.origins[field] = origin
            return values
        return self._file(field, otherwise, in_file)

    def _parsed(self, label: str, parse: Callable[[str], _T], texts: Sequence[str]) -> list[_T]:
        """What the texts mean; nothing if one of them is wrong, which is a problem each."""
        values, found = [], len(self.problems)
        for text in texts:
            try:
                if not text:
                    # A flag for a variable that a script failed to set must not come to mean "everything".
                    raise ValueError("is empty; leave it out, or give it a value")
                values.append(parse(text))
            except ValueError as error:
                self.problems.append(Problem(source=label, message=str(error)))
        return [] if len(self.problems) > found else values

    def _given(self, field: str) -> tuple[str, tuple[str, ...], Origin]:
        """Who gives a field, its texts (none if nobody does), and what kind of source that is."""
        attribute, label, variable = SOURCES[field]
        value = getattr(self.flags, attribute) if attribute else None
        if value not in (None, ()):
            return label, value if isinstance(value, tuple) else (str(value),), Origin.FLAG
        text = self.environ.get(variable, "").strip()
        return variable, (text,) if text else (), Origin.ENVIRONMENT

    def _file(self, field: str, value: _T, in_file: bool) -> _T:
        self.origins[field] = Origin.FILE if in_file else Origin.DEFAULT
        return value

    def _of(self, field: str, environment: Environment) -> str:
        """What only the environment says."""
        return self._file(field, str(getattr(environment, field)), field in environment.model_fields_set)

    def _inherit(self, field: str, own: _T | None, top: _T) -> _T:
        """The environment's value, or else the top level's."""
        in_file = own is not None or field in self.config.model_fields_set
        return self._file(field, top if own is None else own, in_file)

    def _insecure(self, environment: Environment, registry: str) -> bool:
        if is_loopback(registry):
            return self._file("insecure", True, False)
        if registry != environment.registry:
            # The permission was for the registry in the file: no password goes to another one in the clear.
            return self._file("insecure", False, False)
        return self._file("insecure", environment.insecure, "insecure" in environment.model_fields_set)

    def _also(self, environment: Environment, registry: str) -> tuple[Target, ...]:
        if registry != environment.registry:
            # Who names a registry wants the release there, and not in the environment's others too.
            return self._file("also", (), False)
        return self._file("also", places(self.config, environment, environment.also), bool(environment.also))

    def _database(self, environment: Environment, registry: str) -> Database:
        database = self._inherit("database", over(self.config.database, environment.database), self.config.database)
        if database.allow_sample and not is_loopback(registry):
            # A sample database never decides about a release that leaves the machine.
            return database.model_copy(update={"allow_sample": False})
        return database

    def _services(self) -> tuple[str, ...]:
        parse = one_of(self.config.services, "service", "services")
        return with_needed(self.config, self._pick_all("services", parse, tuple(self.config.services), True))

    def _platforms(self, services: tuple[str, ...]) -> tuple[Platform, ...]:
        there = all_platforms(self.config, services)
        in_file = "platforms" in self.config.model_fields_set
        choose = one_of(there, "platform", "platforms")
        named = self._pick_all("platforms", lambda text: Platform(choose(text)), there, in_file)
        for service in services:
            own = service_platforms(self.config, service)
            if not set(own) & set(named):
                message = f"leaves nothing of {service}, which is built for {', '.join(own)}; add one of those"
                self.problems.append(Problem(source=self._given("platforms")[0], message=message))
        return tuple(platform for platform in there if platform in named)

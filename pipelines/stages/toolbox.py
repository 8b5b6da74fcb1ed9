"""Containers with the tools in them, and the two registries they talk to."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count

import dagger

from pipelines import tools
from pipelines.errors import SealiftError, ToolError
from pipelines.model import Digest, Repository, Target
from pipelines.registry.auth import Login, docker_config
from pipelines.stages.failures import ENGINE_FAILURES, engine_error, last_words, lost
from pipelines.stages.quarantine_service import PORT, new_login, quarantine_service, quarantine_volume
from pipelines.tools import Tool

QUARANTINE = f"quarantine:{PORT}"
"""The quarantine registry, as tool containers see it."""

QUARANTINED = Target(registry=QUARANTINE, insecure=True)
"""The same, as a registry that is asked like any other."""

_ALIAS = "loopback-"
"""With its port, a registry on the user's own loopback, as tool containers see it."""
_ALIASED = re.compile(rf"\b{_ALIAS}([0-9]+):\1\b")

_FOR_ENGINE = f"localhost:{PORT}"
_REGCTL_CONFIG = "/tmp/regctl.json"  # noqa: S108 - inside the tool's own container


@dataclass(frozen=True, kw_only=True)
class Toolbox:
    """What every stage is given.

    :param run: identifies this run.
    :param tunnels: registry on the user's loopback → the service through which it is reached.
    :param signing: URL's `host:port` on the user's loopback → the same, of the services that images are signed with.
    :param logins: registry, as tool containers see it → login.
    :param images: tool → the image that is run in place of its own.
    :param mirrored: registries in whose place the engine has rebuilt images, as a rehearsal may use.
    """

    client: dagger.Client
    project: str
    run: str
    tunnels: Mapping[str, dagger.Service] = field(default_factory=dict)
    signing: Mapping[str, dagger.Service] = field(default_factory=dict)
    logins: Mapping[str, Login] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    mirrored: frozenset[str] = frozenset()
    _asked: Iterator[int] = field(default_factory=count, repr=False, compare=False)
    # dagger-io asks for a service's id once for each chain that it is bound into; forks of one chain share the answer.
    _bound: dict[str, dagger.Container] = field(default_factory=dict, repr=False, compare=False)
    _answers: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    async def once(self, question: str, ask: Callable[[], Awaitable[str]]) -> str:
        """An answer of the engine that holds for the whole run, so that not every unit asks again."""
        if question not in self._answers:
            self._answers[question] = await ask()
        return self._answers[question]

    def asked(self, container: dagger.Container) -> dagger.Container:
        """The container with a value that no earlier step had: its answer depends on the world, not on its inputs."""
        return container.with_env_variable("SEALIFT_ASKED", f"{self.run}-{next(self._asked)}")

    def image(self, tool: Tool) -> str:
        """The image that is run as a tool."""
        return self.images.get(tool.name, tool.image)

    @property
    def quarantine_volume(self) -> dagger.CacheVolume:
        """What keeps the quarantine from run to run, until the engine makes room."""
        return quarantine_volume(self.client, self.project)

    @cached_property
    def quarantine(self) -> dagger.Service:
        """The registry inside the engine that every image of a release enters before it may leave."""
        return quarantine_service(self.client, self.image(tools.REGISTRY), self.project, self._login)

    @cached_property
    def _login(self) -> Login:
        return new_login(self.run)

    async def admitted(self) -> None:
        """Let the engine itself into the quarantine, before it publishes or pulls there."""
        await self.once("quarantine", self._admit)

    async def _admit(self) -> str:
        password = self.client.set_secret("sealift:quarantine-password", self._login.password)
        container = self.client.container().with_registry_auth(_FOR_ENGINE, self._login.username, password)
        return await container.id()

    def tool(self, tool: Tool) -> dagger.Container:
        """The tool's container, run as root in a container of its own, with the quarantine bound."""
        return self._made(tool.name, lambda: self._tool(tool))

    def outward(self, tool: Tool) -> dagger.Container:
        """The tool with the registries in reach, and their credentials, that never answers from the cache."""
        return self.asked(self._made(f"{tool.name} outward", lambda: self._reaching(self.tool(tool))))

    def signing_tool(self, tool: Tool, *, outward: bool = False) -> dagger.Container:
        """The tool with the services that images are signed with in reach; never answers from the cache.

        :param outward: with the registries and their credentials too.
        """
        if outward:
            return _bound(self.outward(tool), self.signing)
        return self.asked(self._made(f"{tool.name} signing", lambda: _bound(self.tool(tool), self.signing)))

    def regctl(self) -> dagger.Container:
        """regctl that speaks plain HTTP to the quarantine."""
        return self.with_regctl(tools.REGCTL)

    def regctl_outward(self, *targets: Target) -> dagger.Container:
        """regctl with the registries in reach, in plain HTTP where these are insecure; never answers from the cache."""
        return self.asked(self.with_regctl(tools.REGCTL, *targets))

    def with_regctl(self, tool: Tool, *targets: Target) -> dagger.Container:
        """The tool with the same configuration of regctl; it may answer from the cache."""
        hosts = (QUARANTINE, *(self.host(target.registry) for target in targets if target.insecure))

        def make() -> dagger.Container:
            container = self.tool(tool)
            return self._regctl(self._reaching(container) if targets else container, *hosts)

        return self._made(f"{tool.name} with regctl {'outward' if targets else 'inward'} {hosts}", make)

    async def fetched(self, tool: Tool) -> None:
        """Have the engine fetch the tool's image, which may take minutes, before something waits for the tool."""
        container = self.client.container().from_(self.image(tool)).with_exec(["version"], use_entrypoint=True)
        await self.once(f"fetch {tool.name}", container.stdout)

    def _made(self, key: str, make: Callable[[], dagger.Container]) -> dagger.Container:
        if key not in self._bound:
            self._bound[key] = make()
        return self._bound[key]

    def _tool(self, tool: Tool) -> dagger.Container:
        container = (
            self.client.container()
            .from_(self.image(tool))
            .with_user("0:0")
            .with_env_variable("HOME", "/tmp")  # noqa: S108 - inside the tool's own container
            .with_service_binding("quarantine", self.quarantine)
        )
        return self._knowing(container, "quarantine", {QUARANTINE: self._login})

    def _reaching(self, container: dagger.Container) -> dagger.Container:
        container = _bound(container, self.tunnels)
        return self._knowing(container, "registries", {**self.logins, QUARANTINE: self._login})

    def _knowing(self, container: dagger.Container, name: str, logins: Mapping[str, Login]) -> dagger.Container:
        """The container with these logins, and no others, in a Docker configuration."""
        folder = f"/run/sealift/{name}"
        config = self.client.set_secret(f"sealift:{name}-config", docker_config(logins))
        return container.with_env_variable("DOCKER_CONFIG", folder).with_mounted_secret(f"{folder}/config.json", config)

    def _regctl(self, container: dagger.Container, *hosts: str) -> dagger.Container:
        config = json.dumps({"hosts": {host: {"tls": "disabled"} for host in hosts}})
        return container.with_new_file(_REGCTL_CONFIG, config).with_env_variable("REGCTL_CONFIG", _REGCTL_CONFIG)

    def at(self, target: Target, service: str) -> str:
        """A service's repository as a tool container that was made `outward` sees it."""
        return self.reach(target.repository(service))

    def reach(self, repository: Repository) -> str:
        """The same for any repository."""
        return f"{self.host(repository.registry)}/{repository.path}"

    def host(self, registry: str) -> str:
        """The registry's host as a tool container sees it."""
        return f"{alias(registry)}:{port_of(registry)}" if registry in self.tunnels else registry


def _bound(container: dagger.Container, tunnels: Mapping[str, dagger.Service]) -> dagger.Container:
    for place, tunnel in tunnels.items():
        container = container.with_service_binding(alias(place), tunnel)
    return container


def as_seen_by_tools(text: str, places: Iterable[str]) -> str:
    """A text in which URLs of these places on the user's loopback are those that tool containers have for them."""
    for place in places:
        text = text.replace(f"://{place}/", f"://{alias(place)}:{port_of(place)}/")
        text = re.sub(rf"://{re.escape(place)}(?![\w.:-])", f"://{alias(place)}:{port_of(place)}", text)
    return text


def alias(registry: str) -> str:
    """Host name of a registry on the user's loopback, for tool containers."""
    return f"{_ALIAS}{port_of(registry)}"


def own_names(text: str) -> str:
    """What a tool says, with the names that registries on the user's loopback have for the user."""
    return _ALIASED.sub(r"localhost:\1", text)


async def tool_references(toolbox: Toolbox, used: Iterable[Tool]) -> dict[str, str]:
    """Tool → the image that is run, by tag and digest, for the record.

    :raises EngineError: an image cannot be had.
    """
    try:
        return {tool.name: await toolbox.client.container().from_(toolbox.image(tool)).image_ref() for tool in used}
    except dagger.QueryError as failure:
        raise engine_error(failure, step="tools") from failure
    except ENGINE_FAILURES as failure:
        raise lost(failure, step="tools") from failure


def port_of(registry: str) -> str:
    """The port of `host` or `host:port`; 80, HTTP's own, where none is said."""
    return registry.rpartition(":")[2] if re.search(r":[0-9]+$", registry) else "80"


def quarantined(service: str, digest: Digest) -> str:
    """The reference by digest of an image in the quarantine, for tools."""
    return f"{QUARANTINE}/{service}@{digest}"


def kept_as(service: str, tag: str) -> str:
    """Where the engine itself puts an image into the quarantine: it speaks plain HTTP to `localhost` only."""
    return f"{_FOR_ENGINE}/{service}:{tag}"


def for_engine(service: str, digest: Digest) -> str:
    """The reference by digest, for the engine itself."""
    return f"{_FOR_ENGINE}/{service}@{digest}"


async def run(
    container: dagger.Container,
    args: list[str],
    *,
    error: type[SealiftError] = ToolError,
    remedy: str = "the tool's own message is above; if it names a registry or the network, check these and run again",
    **where: str,
) -> str:
    """Run the tool; its standard output.

    :raises SealiftError: the given kind, with the tool's last words, if it ends with another exit code than 0;
        EngineError if the engine did not do what it was asked.
    """
    try:
        return await container.with_exec(args, use_entrypoint=True).stdout()
    except dagger.ExecError as failure:
        raise error(
            f"'{args[0]}' ended with exit code {failure.exit_code}: {last_words(failure)}",
            remedy=remedy,
            **where,
        ) from failure
    except dagger.QueryError as failure:
        raise engine_error(failure, **where) from failure

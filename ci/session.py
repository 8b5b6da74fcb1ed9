"""A run from the command line: the engine, the credentials, the key, and where the record goes."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import anyio
import dagger
import platformdirs
from dotenv import dotenv_values

from ci.addresses import secret_at
from ci.front import Prepared, login, run_id
from ci.inside import REGISTRY_VARIABLE
from ci.keys import KeyPair, ensure
from ci.reach import check_reachable
from pipelines.config import is_loopback
from pipelines.errors import ConfigError, EngineError, RegistryError
from pipelines.graph import Observer, Options, Run
from pipelines.stages.sign import Signer, public_key
from pipelines.stages.toolbox import ENGINE_FAILURES, Toolbox, lost, port_of


@dataclass(frozen=True, kw_only=True)
class Call:
    """What the command line decided.

    :param environ: the variables, `.env` included.
    :param engine: variables that point dagger-io at the engine.
    :param record: file that receives the release record; None for commands that make none.
    :param log: receives the engine's own progress.
    """

    root: Path
    environ: Mapping[str, str]
    engine: Mapping[str, str]
    prepared: Prepared
    options: Options
    record: Path | None
    log: TextIO


def local_keys(environ: Mapping[str, str]) -> KeyPair:
    """Where the local environment's key pair is, or will be."""
    given = environ.get("SEALIFT_KEYS_DIR")
    return KeyPair(folder=Path(given).expanduser() if given else platformdirs.user_config_path("sealift") / "keys")


@asynccontextmanager
async def connected(engine: Mapping[str, str], log: TextIO) -> AsyncIterator[dagger.Client]:
    """A client of the engine.

    :raises EngineError: the engine cannot be reached.
    """
    # dagger-io and the session it starts read these from the process's own environment.
    os.environ.update(engine)
    check_reachable(os.environ)
    try:
        connection = dagger.Connection(dagger.Config(log_output=log))
        client = await connection.__aenter__()
    except (*ENGINE_FAILURES, OSError) as error:
        raise EngineError(
            f"no session with the Dagger engine: {error}",
            remedy="run 'sealift doctor' to see what is missing, then 'sealift up'",
        ) from error
    try:
        yield client
    except ENGINE_FAILURES as failure:
        raise lost(failure) from failure
    finally:
        # A session whose engine is gone cannot end in order; the work's own failure says so already.
        with suppress(*ENGINE_FAILURES):
            await connection.__aexit__(None, None, None)


@asynccontextmanager
async def running(call: Call, observer: Observer) -> AsyncIterator[Run]:
    """Everything that the graph needs, from a connected engine to the signer."""
    plan = call.prepared.plan
    now = datetime.now(UTC)
    async with connected(call.engine, call.log) as client:
        signer = await _signer(client, call, observer)
        toolbox = Toolbox(
            client=client,
            project=plan.project,
            run=run_id(now, plan),
            target=_target(client, call),
            docker_config=await _credentials(client, call),
        )

        async def secret(name: str, address: str) -> dagger.Secret:
            return await _build_secret(client, call, name, address)

        async def persist(text: str) -> None:
            if call.record is not None:
                path = anyio.Path(call.record)
                await path.parent.mkdir(parents=True, exist_ok=True)
                await path.write_text(text, encoding="utf-8")

        yield Run(
            id=toolbox.run,
            toolbox=toolbox,
            source=client.host().directory(str(call.root), exclude=[".git", ".venv", ".env"], gitignore=True),
            plan=plan,
            options=call.options,
            observer=observer,
            signer=signer,
            secrets=secret,
            persist=persist,
            clock=lambda: datetime.now(UTC),
            started=now,
            limiter=anyio.CapacityLimiter(plan.jobs),
        )


async def _signer(client: dagger.Client, call: Call, observer: Observer) -> Signer:
    """The key that the variables name; else, for the local environment, the user's own pair."""
    key, password = call.environ.get("SIGNING_KEY"), call.environ.get("SIGNING_PASSWORD")
    pair = local_keys(call.environ)
    if not key:
        if not call.prepared.plan.rules.rehearsal:
            raise ConfigError(
                f"no signing key for the environment {call.prepared.plan.environment!r}",
                remedy="set SIGNING_KEY and SIGNING_PASSWORD to addresses such as file://PATH or env://NAME",
                step="key",
            )
        if await ensure(client, pair):
            observer.say(f"Made a signing key pair for the local environment: {pair.folder}")
        key, password = f"file://{pair.private}", f"file://{pair.password}"
    secret = await secret_at(client, call.environ, "SIGNING_KEY", key)
    secret_password = (
        await secret_at(client, call.environ, "SIGNING_PASSWORD", password)
        if password
        else client.set_secret("no-password", "")
    )
    public = await public_key(client, secret, secret_password, origin=key)
    return Signer(key=secret, password=secret_password, public=public)


def _target(client: dagger.Client, call: Call) -> dagger.Service | None:
    """The way to a registry on the user's loopback; None for any other registry."""
    registry = call.prepared.plan.registry
    if not is_loopback(registry):
        return None
    host = call.environ.get(REGISTRY_VARIABLE)
    return client.address(f"tcp://{host}:{port_of(registry)}" if host else f"tcp://{registry}").service()


async def _build_secret(client: dagger.Client, call: Call, name: str, address: str) -> dagger.Secret:
    """A build secret, by its id, as Dockerfiles mount it."""
    given = call.environ.get("SEALIFT_BUILD_SECRETS")
    if given:
        file = await secret_at(client, call.environ, "SEALIFT_BUILD_SECRETS", given)
        values = dotenv_values(stream=io.StringIO(await file.plaintext()))
        value = values.get(name)
        if value is not None:
            return client.set_secret(name, value)
    secret = await secret_at(client, call.environ, f"build secret {name}", address)
    return client.set_secret(name, await secret.plaintext())


async def _credentials(client: dagger.Client, call: Call) -> dagger.Secret | None:
    """The login from the variables; else from Docker's configuration or its credential helper; else none."""
    settings = call.prepared.settings
    if settings.username and settings.password:
        password = await secret_at(client, call.environ, "DOCKER_PASSWORD", settings.password)
        return await login(client, settings.registry, settings.username, password)
    folder = Path(call.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    if not (folder / "config.json").exists() and not (Path.home() / ".dockercfg").exists():
        return None
    # A quarter of a second of imports.
    from docker import auth as docker_auth
    from docker.errors import DockerException

    try:
        found = docker_auth.load_config().resolve_authconfig(settings.registry)
    except DockerException as error:
        raise RegistryError(
            f"Docker's configuration has no usable login for {settings.registry}: {error}",
            remedy="run 'docker login' again, or set DOCKER_USERNAME and DOCKER_PASSWORD",
            step="login",
        ) from error
    if not found or not found.get("username"):
        return None
    # docker-py's own spelling: "username" and "password", in either case.
    password = client.set_secret("sealift-docker-password", found.get("password", ""))
    return await login(client, settings.registry, found["username"], password)

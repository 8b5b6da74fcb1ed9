"""A run from the command line: the engine, the credentials, the key, and where the record goes."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TextIO

import anyio
import dagger
from dotenv import dotenv_values

from ci.addresses import secret_at
from ci.credentials import as_seen, logins
from ci.engine_session import session
from ci.front import Ground, Prepared, run_id
from ci.inside import host_inside
from ci.invocation import invocation
from ci.local.mirror import UPSTREAMS
from ci.local.paths import space_left
from ci.reach import check_reachable, reachable
from ci.signer import loopback_places, signer_source, trust_source
from ci.telemetry import Telemetry
from pipelines.config import is_loopback, objection
from pipelines.config.lock import read_lock
from pipelines.contexts import Context, sent
from pipelines.errors import ConfigError, SealiftError
from pipelines.files import write_whole
from pipelines.graph import Observer, Options, Run, Session, Slots
from pipelines.key import ingredients
from pipelines.lock import tool_images
from pipelines.plan import Plan
from pipelines.registry.clients import Clients
from pipelines.stages import pins
from pipelines.stages.failures import ENGINE_FAILURES, lost
from pipelines.stages.full import disk_full
from pipelines.stages.toolbox import Toolbox


@dataclass(frozen=True, kw_only=True)
class Call:
    """What the command line decided.

    :param environ: the variables, `.env` included.
    :param engine: variables that point dagger-io at the engine.
    :param record: file that receives the release record; None for commands that make none.
    :param log: receives the engine's own progress.
    :param telemetry: hears of what the run does.
    :param rebuilt: the engine has rebuilt images in place of official ones.
    """

    root: Path
    environ: Mapping[str, str]
    engine: Mapping[str, str]
    ground: Ground
    record: Path | None
    log: TextIO
    telemetry: Telemetry
    rebuilt: bool = False


@asynccontextmanager
async def connected(
    engine: Mapping[str, str], log: TextIO, telemetry: Telemetry | None = None
) -> AsyncIterator[dagger.Client]:
    """A client of the engine.

    :param telemetry: says where the engine's spans go; None for what is no run.
    :raises EngineError: the engine cannot be reached.
    """
    # dagger-io and the session read these from the process's own environment.
    os.environ.update(engine)
    check_reachable(os.environ)
    async with session(log, telemetry.for_session(os.environ) if telemetry else None) as opened:
        try:
            yield opened.client
        except ENGINE_FAILURES as failure:
            opened.engine_lost = True
            raise lost(failure) from failure
        except SealiftError as failure:
            # What a stage made of it may be anything: to the client, a build or a tool has failed.
            if not reachable(os.environ):
                opened.engine_lost = True
                raise lost(failure) from failure
            if full := disk_full(failure, space_left(os.environ)):
                raise full from failure
            raise


@asynccontextmanager
async def running(call: Call, observer: Observer) -> AsyncIterator[Session]:
    """Everything that work from a record needs, once the engine is connected."""
    recorder = call.telemetry.recorder
    closing = ExitStack()
    try:
        async with AsyncExitStack() as stack:
            with recorder.stage("session"):
                client = await stack.enter_async_context(connected(call.engine, call.log, call.telemetry))
                session = await _session(client, call, observer)
                await stack.enter_async_context(session.registries)
            recorder.named(session.id)
            stack.callback(closing.enter_context, recorder.stage("close"))
            yield session
    finally:
        closing.close()


async def _session(client: dagger.Client, call: Call, observer: Observer) -> Session:
    ground, now = call.ground, datetime.now(UTC)
    found = await logins(client, call.environ, ground.settings, ground.targets)
    mirrored = frozenset(UPSTREAMS if call.rebuilt and ground.settings.rehearsal else ())
    chosen = tool_images(ground.settings.tools, read_lock(call.root, ground.project))
    toolbox = Toolbox(
        client=client,
        project=ground.project,
        run=run_id(now, ground.about),
        tunnels=_tunnels(client, call),
        signing=_signing_tunnels(client, call),
        logins=as_seen(found),
        images=await pins.tool_images(client, chosen, mirrored, observer.say),
        mirrored=mirrored,
    )

    async def persist(text: str) -> None:
        if call.record is not None:
            write_whole(call.record, text)

    signer = signer_source(toolbox, call.environ, ground.settings, call.root, observer)
    return Session(
        id=toolbox.run,
        toolbox=toolbox,
        registries=Clients(logins=found, environ=call.environ, host=partial(host_inside, call.environ)),
        observer=observer,
        recorder=call.telemetry.recorder,
        signer=signer,
        trust=trust_source(client, call.environ, ground.settings, call.root, signer),
        persist=persist,
        clock=lambda: datetime.now(UTC),
        started=now,
        slots=Slots(ground.settings.jobs),
        several=len(ground.targets) > 1,
    )


def building(session: Session, call: Call, prepared: Prepared, options: Options) -> Run:
    """The same for a command that builds."""
    client, lock, known = session.toolbox.client, anyio.Lock(), dict[str, dagger.Secret]()

    async def secret(name: str, address: str) -> dagger.Secret:
        # Once in a run: a command may say something else when asked again, and to the engine the last value is all.
        async with lock:
            if name not in known:
                known[name] = await _build_secret(client, call, name, address)
        return known[name]

    given = {field.name: getattr(session, field.name) for field in fields(Session)}
    source = _source(client, call.root, prepared.plan)
    made_of = partial(ingredients, call.root)
    return Run(
        **given,
        source=source,
        plan=prepared.plan,
        options=options,
        secrets=secret,
        made_of=made_of,
        invocation=invocation(call.environ, call.root, ignores=prepared.settings.policy.ignores),
    )


def _source(client: dagger.Client, root: Path, plan: Plan) -> dagger.Directory:
    """The build contexts, at their places below the repository's root; what is ignored is not sent."""
    needed = sent(root, (Context(folder=item.context, dockerfile=item.dockerfile) for item in plan.services))
    return client.host().directory(
        str(root), include=list(needed.include), exclude=list(needed.exclude), gitignore=True
    )


def _tunnels(client: dagger.Client, call: Call) -> dict[str, dagger.Service]:
    """The ways of tools to registries on the user's loopback, the advisory database's among them."""
    database = call.ground.settings.database.repository.partition("/")[0]
    registries = dict.fromkeys([*(target.registry for target in call.ground.targets), database])
    return {
        registry: client.address(f"tcp://{host_inside(call.environ, registry) or registry}").service()
        for registry in registries
        if is_loopback(registry)
    }


def _signing_tunnels(client: dagger.Client, call: Call) -> dict[str, dagger.Service]:
    """The ways of Cosign to what images are signed with on the user's loopback."""
    places = loopback_places(call.environ, call.ground.settings, call.root)
    return {place: client.address(f"tcp://{host_inside(call.environ, place) or place}").service() for place in places}


async def _build_secret(client: dagger.Client, call: Call, name: str, address: str) -> dagger.Secret:
    """A build secret, by its id, as Dockerfiles mount it."""
    given = call.environ.get("SEALIFT_BUILD_SECRETS")
    if given:
        file = await secret_at(client, call.environ, "SEALIFT_BUILD_SECRETS", given)
        values = dotenv_values(stream=io.StringIO(await file.plaintext()))
        value = values.get(name)
        if value is not None:
            return client.set_secret(name, value)
    if why := objection(call.environ, address):
        raise ConfigError(f"build secret {name}: {why}", remedy=f"or give the secret {name} by SEALIFT_BUILD_SECRETS")
    secret = await secret_at(client, call.environ, f"build secret {name}", address)
    return client.set_secret(name, await secret.plaintext())

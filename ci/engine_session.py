"""The `dagger session` process, through which a run speaks to the engine.

dagger-io starts one too, but it waits five minutes for its end, in a way that no signal interrupts; and a session whose
engine is gone never ends, for it asks for the engine's telemetry again and again (0.21.8, `engine/client`). So it is
started here, and dagger-io is told where it listens, as `dagger run` tells it.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TextIO

import anyio
import dagger
from anyio.abc import Process
from anyio.streams.buffered import BufferedByteReceiveStream

from ci.addresses import INSIDE
from pipelines.errors import EngineError
from pipelines.stages.failures import ENGINE_FAILURES

CLI = "_EXPERIMENTAL_DAGGER_CLI_BIN"
_TOKEN = "DAGGER_SESSION_TOKEN"  # noqa: S105 - the name of a variable
_LABELS = ("--label", "dagger.io/sdk.name:python", "--label", f"dagger.io/sdk.version:{version('dagger-io')}")
_LONGEST_LINE = 1 << 16
# For `ADD` of a git repository, which a Dockerfile chooses, the engine asks the session for the user's credentials: it
# gets none. Nor is the configuration read of the repository in which the command runs: it names programs.
_NO_GIT = {"GIT_DIR": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
_AGENT = "SSH_AUTH_SOCK"
_SECONDS_TO_END = 30
"""For a session whose engine is there: it stops the services of the run and fetches the last of the telemetry."""
_SECONDS_TO_END_WITHOUT_ENGINE = 1
_REMEDY = "run 'sealift doctor' to see what is missing, then 'sealift up'"


class Session:
    """A client of the engine. Say `engine_lost` when it is: the session is then not waited for."""

    def __init__(self, client: dagger.Client) -> None:
        self.client = client
        self.engine_lost = False


@asynccontextmanager
async def session(log: TextIO, environ: Mapping[str, str] | None = None) -> AsyncIterator[Session]:
    """Start a session, unless this process runs inside of one, and connect to it.

    :param log: receives the engine's own progress; it must be a file of the system's.
    :param environ: the session's variables, if not this process's.
    :raises EngineError: no session can be had.
    """
    if INSIDE in os.environ:
        async with _connected() as client:
            yield Session(client)
        return
    process = await _start(log, environ)
    made: Session | None = None
    try:
        async with _connected(await _parameters(process)) as client:
            made = Session(client)
            yield made
    finally:
        await _end(process, without_engine=made is None or made.engine_lost)


def without_git(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables, so that neither git's credential helpers nor the SSH agent answer for the user."""
    kept = {name: value for name, value in environ.items() if name != _AGENT and not name.startswith("GIT_CONFIG_")}
    return {**kept, **_NO_GIT}


async def _start(log: TextIO, environ: Mapping[str, str] | None) -> Process:
    command = [os.environ.get(CLI, "dagger"), "session", *_LABELS]
    try:
        # A group of its own: Ctrl-C is for us, who still need the session to stop what the engine does.
        return await anyio.open_process(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            env=without_git(os.environ if environ is None else environ),
        )
    except OSError as error:
        raise EngineError(f"no session with the Dagger engine: {error}", remedy=_REMEDY) from error


async def _parameters(process: Process) -> dict[str, str]:
    """Where the session listens, by the line of JSON that it prints when it has reached the engine."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    try:
        line = await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", _LONGEST_LINE)
        said = json.loads(line)
        return {INSIDE: str(said["port"]), _TOKEN: said["session_token"]}
    except (anyio.IncompleteRead, anyio.DelimiterNotFound, ValueError, LookupError, TypeError) as error:
        raise EngineError(
            "no session with the Dagger engine: 'dagger session' did not say where it listens; its log, engine.log in"
            " the state folder, says why",
            remedy=_REMEDY,
        ) from error


@asynccontextmanager
async def _connected(variables: dict[str, str] | None = None) -> AsyncIterator[dagger.Client]:
    """A client, of the session that the variables name.

    Nothing is tried again: what fails between us and the session, on the loopback, fails because one end is gone.
    """
    connection = dagger.Connection(dagger.Config(retry=None))
    os.environ.update(variables or {})
    try:
        client = await connection.__aenter__()
    except (*ENGINE_FAILURES, OSError) as error:
        raise EngineError(f"no session with the Dagger engine: {error}", remedy=_REMEDY) from error
    finally:
        # They are for dagger-io alone: whoever looks for them later asks whether the engine itself runs this process.
        for name in variables or {}:
            del os.environ[name]
    try:
        yield client
    finally:
        await connection.__aexit__(None, None, None)


async def _end(process: Process, *, without_engine: bool) -> None:
    """Let the session end, as its closed input tells it to; else end it."""
    with anyio.CancelScope(shield=True):
        assert process.stdin is not None  # noqa: S101 - it was asked for
        await process.stdin.aclose()
        with anyio.move_on_after(_SECONDS_TO_END_WITHOUT_ENGINE if without_engine else _SECONDS_TO_END):
            await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()
        await process.aclose()

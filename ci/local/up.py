"""Brings up an engine and a registry on this machine, whatever it has."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ci.local.assembled import assemble
from ci.local.down import down
from ci.local.engine import engine_address
from ci.local.locks import locked
from ci.local.machine import locals_of, make_setup
from ci.local.official import (
    CLI_VARIABLE,
    RUNNER_HOST,
    find_cli,
    official_addresses,
    official_environment,
    official_tool,
    registry_container,
    registry_tool,
)
from ci.local.paths import require
from ci.local.processes import alive
from ci.local.reaching import reach
from ci.local.record import Ledger
from ci.local.registry import Local, answers, start_registry
from ci.local.remote import Remote, remote_from_record
from ci.local.setup import Setup
from ci.reach import check_reachable
from pipelines.errors import ConfigError

__all__ = ["Running", "down", "env_lines", "forget", "make_setup", "up"]


@dataclass(frozen=True, kw_only=True)
class Running:
    """What is up.

    :param mode: "given" (the environment names an engine), "remote" (one is on record), "containers" (official images),
        "assembled".
    :param cli: the `dagger` command.
    :param environment: exactly what has to be exported for dagger-io and the stock CLI.
    :param registry: address of the user's registry, such as `localhost:5000`.
    :param rebuilt: base and tool images are rebuilt ones from the local mirror.
    """

    mode: str
    cli: Path
    environment: Mapping[str, str]
    registry: str
    rebuilt: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Engine:
    """An engine that can be used. `tool` is the container tool that runs it, `tools` a folder of command-line tools."""

    mode: str
    cli: Path
    environment: Mapping[str, str]
    tool: str | None = None
    tools: Path | None = None
    notes: tuple[str, ...] = ()


def up(setup: Setup, remote: Remote | None = None) -> Running:
    """Everything that a run needs, started where it is not up yet. Seconds when everything is up.

    :param remote: an engine to use from now on, until `down`.
    :raises ConfigError: the folders cannot be written, or the files for a remote engine not be used.
    :raises EngineError: no engine can be had on this machine.
    :raises RegistryError: the registry's port is taken.
    """
    registry, mirror = locals_of(setup)
    require(setup.paths.state, setup.environment)
    with locked(setup.paths.state / "lock", setup.report):
        ledger = Ledger(setup.paths.record)
        engine = _engine(setup, ledger, mirror, registry, remote)
        notes = _ensure_registry(setup, ledger, registry, engine)
    return Running(
        mode=engine.mode,
        cli=engine.cli,
        environment={**engine.environment, "PATH": _path(setup, engine)},
        registry=registry.address,
        rebuilt=engine.mode == "assembled",
        notes=(*engine.notes, *notes),
    )


def forget(setup: Setup) -> None:
    """Use the remote engine no more."""
    with locked(setup.paths.state / "lock", setup.report):
        Ledger(setup.paths.record).remote({})


def _engine(setup: Setup, ledger: Ledger, mirror: Local, registry: Local, remote: Remote | None) -> _Engine:
    """An engine, in the first mode that this machine allows."""
    host = setup.environment.get(RUNNER_HOST)
    # What `sealift env` printed may still be in a shell after `down`: that is no engine of somebody else's.
    known = remote or remote_from_record(ledger.record.remote)
    ours = {engine_address(setup), *official_addresses(), *([known.for_dagger] if known else [])}
    if host and host not in ours:
        if remote is not None:
            raise ConfigError(
                f"{RUNNER_HOST} names one engine, {host}, and --engine another", remedy=f"unset {RUNNER_HOST}"
            )
        # Before a command is fetched, or even built, that would only find nobody there.
        check_reachable(setup.environment)
        cli = find_cli(setup)
        return _Engine(mode="given", cli=cli, environment={RUNNER_HOST: host, CLI_VARIABLE: str(cli)})
    if known is not None:
        address, cli = reach(ledger, known), find_cli(setup)
        return _Engine(mode="remote", cli=cli, environment={RUNNER_HOST: address, CLI_VARIABLE: str(cli)})
    # What was assembled once stays: asking for the official images again would cost seconds at every start.
    tool = official_tool(setup) if ledger.record.mode != "assembled" else None
    if tool is not None:
        cli = find_cli(setup)
        ledger.engine(mode="containers")
        return _Engine(mode="containers", cli=cli, environment=official_environment(tool, cli), tool=tool)
    cli, tools, notes = assemble(setup, ledger, mirror, registry)
    environment = {RUNNER_HOST: engine_address(setup), CLI_VARIABLE: str(cli)}
    return _Engine(mode="assembled", cli=cli, environment=environment, tools=tools, notes=notes)


def _path(setup: Setup, engine: _Engine) -> str:
    """PATH with the CLI's folder first and the tools' last, where a user's own go before them."""
    ours = [str(folder) for folder in (engine.cli.parent, engine.tools) if folder]
    known = [part for part in setup.environment.get("PATH", "").split(os.pathsep) if part and part not in ours]
    return os.pathsep.join([ours[0], *known, *ours[1:]])


def _ensure_registry(setup: Setup, ledger: Ledger, registry: Local, engine: _Engine) -> tuple[str, ...]:
    """The user's registry running: ours from before, somebody's that answers, or a new one; returns notes."""
    if answers(registry.port):
        known = ledger.record.processes.get("registry")
        if "registry" in ledger.record.containers or (known is not None and alive(known)):
            return ()
        return (f"{registry.address} is a registry that `sealift up` did not start: it is used as it is",)
    tool = registry_tool(setup) if engine.mode in {"given", "remote"} else engine.tool
    if tool is not None:
        ledger.container("registry", tool, registry_container(setup, tool, registry))
    else:
        ledger.process("registry", start_registry(setup, registry))
    return ()


def env_lines(running: Running) -> list[str]:
    """Lines for a shell that point the stock `dagger` command at what is up."""
    return [f"export {name}={shlex.quote(value)}" for name, value in sorted(running.environment.items())]

"""The commands around the local engine: up, down, env, doctor, keys."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import anyio
import click
from rich.table import Table

from ci import options as opt
from ci.addresses import INSIDE
from ci.dotenv import lacking, write_dotenv
from ci.keys import KeyPair, ensure
from ci.local.doctor import diagnose
from ci.local.paths import find_paths
from ci.local.remote import Remote, remote_engine
from ci.local.up import Running, env_lines, forget, make_setup
from ci.local.up import down as take_down
from ci.local.up import up as bring_up
from ci.output import dump
from ci.remote_check import engine_platform
from ci.session import connected
from ci.signer import local_keys
from ci.terminal import answers, report
from pipelines.config import environ_with_dotenv
from pipelines.errors import EngineError, ExitCode, SigningError


def ensure_engine(environ: Mapping[str, str], remote: Remote | None = None) -> Running:
    """The engine and the registry, brought up if they are not. Inside an engine, that one is used."""
    if INSIDE in environ:
        return Running(mode="given", cli=Path(), environment={}, registry="", rebuilt=False)
    running = bring_up(make_setup(environ, report), remote)
    for note in running.notes:
        report(f"note: {note}")
    return running


@contextmanager
def engine_log(environ: Mapping[str, str]) -> Iterator[TextIO]:
    """Where the engine's own progress goes: the last run's, in the state folder; standard error with SEALIFT_DEBUG."""
    if environ.get("SEALIFT_DEBUG"):
        yield sys.stderr
        return
    folder = find_paths(environ).state
    folder.mkdir(parents=True, exist_ok=True)
    for other in folder.glob("engine-[0-9]*.log"):
        # Of a run that was killed: it was the last one until now.
        if not _runs(int(other.stem.removeprefix("engine-"))):
            other.replace(folder / "engine.log")
    path = folder / f"engine-{os.getpid()}.log"
    try:
        with path.open("w", encoding="utf-8") as log:
            yield log
    finally:
        with suppress(FileNotFoundError):
            path.replace(folder / "engine.log")


def _runs(pid: int) -> bool:
    """Is there a process with that id?"""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def _make_keys(environ: Mapping[str, str], running: Running, pair: KeyPair) -> bool:
    with engine_log(environ) as log:
        async with connected(running.environment, log) as client:
            return await ensure(client, pair)


def _environ(root: Path) -> Mapping[str, str]:
    return environ_with_dotenv(root, os.environ)


async def _platform(environ: Mapping[str, str], running: Running, remote: Remote) -> str:
    try:
        with engine_log(environ) as log:
            return await engine_platform(running.environment, remote.address, log)
    except EngineError:
        # It answered and was recorded, but no run could use it.
        forget(make_setup(environ, report))
        raise


@click.command()
@click.option("--engine", metavar="ADDRESS", help="An engine on another machine: tls://HOST:PORT, kube-pod://POD, …")
@click.option("--engine-ca", metavar="FILE", help="Who signed the certificate of a tls:// engine; PEM.")
@click.option("--engine-cert", metavar="FILE", help="This client's certificate; PEM.")
@click.option("--engine-key", metavar="FILE", help="Its private key; PEM, unencrypted.")
def up(engine: str | None, engine_ca: str | None, engine_cert: str | None, engine_key: str | None) -> None:
    """Start the engine and the registry on localhost:5000, and make the local signing key.

    With --engine the engine on another machine is used, by every command until 'down', which forgets it.

    Without: takes an engine that the environment names, else Docker, Podman or nerdctl with the official images, else
    assembles the same things from source. Run it again whenever you like: what is up stays up.
    """
    root = Path.cwd()
    environ = _environ(root)
    remote = remote_engine(engine, ca=engine_ca, cert=engine_cert, key=engine_key)
    running = ensure_engine(environ, remote)
    if remote:
        report(f"{remote.address}: {anyio.run(_platform, environ, running, remote)}, the client's version")
    pair = local_keys(environ)
    if not pair.complete and anyio.run(_make_keys, environ, running, pair):
        report(f"made the local signing key pair in {pair.folder}")
    for line in write_dotenv(root, running.registry, pair):
        report(line)
    if lines := lacking(root, running.registry, pair):
        report("for 'dagger call', add to your .env:\n  " + "\n  ".join(lines))
    rebuilt = ", base and tool images rebuilt on this machine" if running.rebuilt else ""
    report(f"up: engine ({running.mode}{rebuilt}), registry {running.registry}")


@click.command()
@click.option("--purge", is_flag=True, help="Remove the registry's images and the engine's cache too.")
def down(purge: bool) -> None:
    """Stop what 'up' started, and nothing else."""
    stopped = take_down(make_setup(_environ(Path.cwd()), report), purge=purge)
    report(f"stopped: {', '.join(stopped)}" if stopped else "nothing was up")


@click.command()
def env() -> None:
    """Print shell lines that point the stock dagger command at what 'up' started: eval "$(sealift env)"."""
    click.echo("\n".join(env_lines(ensure_engine(_environ(Path.cwd())))))


@click.command()
@opt.as_json
def doctor(as_json: bool) -> None:
    """Find what is missing on this machine, and say how to mend it. Exit code 1 if something is."""
    findings = diagnose(make_setup(_environ(Path.cwd()), report))
    if as_json:
        dump([{"level": item.level, "what": item.what, "remedy": item.remedy} for item in findings])
    else:
        marks = {"ok": "[green]✓[/]", "warn": "[yellow]![/]", "fail": "[red]✗[/]"}
        table = Table.grid(padding=(0, 1))
        for item in findings:
            table.add_row(marks[item.level], item.what)
            if item.level != "ok" and item.remedy:
                table.add_row("", f"[dim]{item.remedy}[/]")
        answers().print(table)
    if any(item.level == "fail" for item in findings):
        sys.exit(ExitCode.FAILED)


@click.command()
@click.option("--public", is_flag=True, help="Print only the path of the public key.")
def keys(public: bool) -> None:
    """Say where the local key pair is. It is made on first use."""
    pair = local_keys(_environ(Path.cwd()))
    if not pair.complete:
        raise SigningError(
            f"there is no key pair in {pair.folder} yet", remedy="run 'sealift up', which makes it", step="keys"
        )
    if public:
        click.echo(pair.public)
        return
    click.echo(f"public key:  {pair.public}\nprivate key: {pair.private} (encrypted)\npassword:    {pair.password}")


local_commands = (up, down, env, doctor, keys)

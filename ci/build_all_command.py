"""`sealift build-all`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from ci import options as opt
from ci.local.remote import Remote, remote_engine
from ci.partial_commands import parts_in
from ci.pool import built_on
from ci.released import released
from ci.run import ready, variables
from pipelines.config import Flags
from pipelines.errors import ConfigError
from pipelines.graph import Options
from pipelines.record import read_file
from pipelines.shards import measured


@click.command("build-all")
@opt.selection
@opt.out
@opt.as_json
@opt.no_cache
@opt.no_reuse
@opt.no_push
@opt.no_scan
@opt.delta
@click.option(
    "--engine",
    "engines",
    multiple=True,
    metavar="ADDRESS",
    envvar="SEALIFT_ENGINES",
    help="Build on this engine, not on the one that releases. Repeatable: what one loses, another builds.",
)
@click.option(
    "--engine-ca", metavar="FILE", envvar="SEALIFT_ENGINE_CA", help="As 'sealift up' takes it; for all of them."
)
@click.option("--engine-cert", metavar="FILE", envvar="SEALIFT_ENGINE_CERT", help="This client's certificate.")
@click.option("--engine-key", metavar="FILE", envvar="SEALIFT_ENGINE_KEY", help="Its private key.")
def build_all_command(
    *,
    flags: Flags,
    root: Path,
    out: Path,
    as_json: bool,
    no_cache: bool,
    no_reuse: bool,
    no_push: bool,
    no_scan: bool,
    delta: str | None,
    engines: tuple[str, ...],
    engine_ca: str | None,
    engine_cert: str | None,
    engine_key: str | None,
) -> None:  # fmt: skip
    """Build, boot, describe, scan, sign and publish every service.

    With no option this builds the repository for its default environment.
    """
    options = Options(push=not no_push, scan=not no_scan, no_cache=no_cache, reuse=not no_reuse)
    remotes = _remotes(engines, engine_ca, engine_cert, engine_key)
    if not remotes:
        released("build-all", flags, root, out, as_json=as_json, options=options, delta=delta)
        return
    plan = ready(root, flags, options, variables(root.resolve(), flags), builds=True, signs=True).plan
    last = out / "release.json"
    times = measured(read_file(last)) if last.exists() else {}
    out.mkdir(parents=True, exist_ok=True)
    # Whole images: what is left in the folder of the results would be kept with them.
    with TemporaryDirectory(prefix="partials-", dir=out) as made:
        folder = Path(made).resolve()
        built_on(remotes, plan, flags, root.resolve(), folder, times, no_cache=no_cache)
        parts = parts_in(folder, flags, root)
        released("build-all", flags, root, out, as_json=as_json, options=options, delta=delta, parts=parts)


def _remotes(addresses: Sequence[str], ca: str | None, cert: str | None, key: str | None) -> list[Remote]:
    """The engines of the pool, each once.

    :raises ConfigError: one cannot be used.
    """
    files = {"ca": ca, "cert": cert, "key": key}
    # The files are those of whoever speaks TLS; where nobody does, they are told to be of no use.
    some = any(address.startswith("tls://") for address in addresses)
    found = [
        remote_engine(address, **(files if address.startswith("tls://") or not some else {}))
        for address in dict.fromkeys(addresses)
    ]
    if not addresses and any(files.values()):
        raise ConfigError("there are files for engines, and no --engine", remedy="name the engines, or leave the files")
    return [remote for remote in found if remote is not None]

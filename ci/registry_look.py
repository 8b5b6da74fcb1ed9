"""`sealift registry list` and `inspect`: what a registry holds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import click

from ci import options as opt
from ci.interrupt import interruptible
from ci.output import dump
from ci.registry_ground import Registries, registries
from ci.registry_options import environment
from ci.registry_output import write_inspected, write_versions
from ci.terminal import answers
from pipelines.errors import RegistryError
from pipelines.model import Tag
from pipelines.registry.client import Client
from pipelines.registry.concurrent import all_of
from pipelines.registry.holdings import Version, describe, tagged, versions
from pipelines.registry.reference import Reference, parse_reference
from pipelines.registry.released import releases

Listed = tuple[str, list[Version], int]
"""Service, its newest versions, and how many it has."""


@click.command("list")
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@environment
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Versions of each service.")
@opt.as_json
def list_command(
    services: tuple[str, ...], env: str | None, registry: str | None, root: Path, limit: int, as_json: bool
) -> None:
    """List the versions of services at the environment's registry, the newest first.

    Signatures that are attached are told, but not verified: 'sealift registry inspect --verify' does that.
    """
    found = registries(root, env, registry)
    names = found.chosen(services)
    listed = anyio.run(interruptible, lambda: _list(found, names, limit))
    if as_json:
        dump([{"service": name, "versions": [one.as_json() for one in these], "total": total}
              for name, these, total in listed])  # fmt: skip
    else:
        write_versions(answers(), listed)


async def _list(found: Registries, names: tuple[str, ...], limit: int) -> list[Listed]:
    async with found.clients(found.targets[:1]) as (client,):
        made = await releases(client)

        async def one(name: str) -> Listed:
            return name, *await versions(client, client.target.repository(name), most=limit, made=made)

        return await all_of(partial(one, name) for name in names)


@click.command("inspect")
@click.argument("reference", metavar="SERVICE[:TAG|@DIGEST]")
@environment
@click.option("--verify", is_flag=True, help="Verify signatures and attestations too, with the engine.")
@opt.as_json
def inspect_command(
    reference: str, env: str | None, registry: str | None, root: Path, verify: bool, as_json: bool
) -> None:
    """Show one image: platforms, sizes, layers, labels, its tags, and what is attached to it.

    Without a tag or digest, the newest version.
    """
    found = registries(root, env, registry)
    wanted = parse_reference(reference, found.services)
    version = anyio.run(interruptible, lambda: inspected(found, wanted))
    if verify:
        from ci.registry_engine import sealed, verify_versions

        verify_versions(root, found, [sealed(version, wanted.service, rehearsal=found.settings.rehearsal)])
    if as_json:
        dump({**version.as_json(), "verified": verify or None})
    else:
        write_inspected(answers(), version, verified=verify)


async def inspected(found: Registries, wanted: Reference) -> Version:
    """What there is to know of one image.

    :raises RegistryError: there is no such image.
    """
    async with found.clients(found.targets[:1]) as (client,):
        return await look(client, wanted)


async def look(client: Client, wanted: Reference) -> Version:
    """The same, of a registry.

    :raises RegistryError: there is no such image.
    """
    repository = client.target.repository(wanted.service)
    made = await releases(client)
    if wanted.digest is None and wanted.tag is None:
        newest, _ = await versions(client, repository, most=1, made=made)
        if newest:
            return newest[0]
    digest = wanted.digest or (await client.resolve(repository, wanted.tag) if wanted.tag else None)
    document = await client.manifest(repository, digest) if digest else None
    if document is None:
        tags = sorted(tag for names in (await tagged(client, repository)).values() for tag in names)
        raise RegistryError(
            f"{repository}{wanted.suffix} does not exist",
            remedy=f"name one of its tags: {', '.join(tags[-10:])}" if tags else "publish it first",
            service=wanted.service,
            step="inspect",
        )
    names = (await tagged(client, repository)).get(document.digest, ())
    version = await describe(client, repository, document, names or ((Tag(wanted.tag),) if wanted.tag else ()))
    return replace(version, release=made.get(document.digest))

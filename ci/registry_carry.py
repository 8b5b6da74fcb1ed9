"""`sealift registry pull` and `copy`: what verifies leaves a registry, by its digest. The engine does the work."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import click

from ci import options as opt
from ci.container_tool import find_tool, load, own_platform
from ci.interrupt import interruptible
from ci.logins import find_logins
from ci.output import dump
from ci.registry_engine import chosen, on_targets, record_at, sealed
from ci.registry_ground import Registries, registries
from ci.registry_look import look
from ci.registry_options import environment
from ci.registry_output import write_copied, write_pulled
from ci.terminal import answers
from pipelines.config import is_loopback
from pipelines.errors import ConfigError, RegistryError
from pipelines.graph import fetch
from pipelines.model import Platform, Sealed, Tag, Target
from pipelines.promotion import check_fit
from pipelines.registry.reference import parse_reference


@click.command("pull")
@click.argument("version", metavar="VERSION|TAG")
@click.option("--service", "services", multiple=True, metavar="NAME", help="Only this service. Repeatable.")
@click.option("--platform", metavar="OS/ARCH", help="Only this platform. [default: all; with --load, this machine's]")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write SERVICE.tar, OCI archives, there.")
@click.option("--load", "into", is_flag=True, help="Load them into Docker, Podman or nerdctl.")
@environment
@opt.as_json
def pull_command(
    version: str,
    services: tuple[str, ...],
    platform: str | None,
    out: Path | None,
    into: bool,
    env: str | None,
    registry: str | None,
    root: Path,
    as_json: bool,
) -> None:
    """Fetch the images of a release, or those with a tag, after their signatures and SBOMs are verified.

    Nothing is fetched unless all of them verify. Give --out, --load or both.
    """
    if out is None and not into:
        raise click.UsageError("say where to: --out FOLDER, --load, or both")
    try:
        wanted = Platform(platform) if platform else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--platform") from error
    tool = find_tool() if into else None
    found = registries(root, env, registry)
    names = found.chosen(services) if services else ()
    lot, record = anyio.run(interruptible, lambda: chosen(found, version, names))
    target = found.targets[0]
    images = {one.service: f"{target.repository(one.service)}:{Tag(version)}" for one in lot}
    with tempfile.TemporaryDirectory() as drafts:
        # Whole archives only: what broke off stays in the draft.
        work = partial(
            fetch.pull, lot=lot, target=target, names=images, folder=Path(drafts),
            platform=wanted or (own_platform() if into else None),
        )  # fmt: skip
        files = on_targets("registry pull", root, found, (), work)
        for file in files if tool else ():
            load(str(tool), file)
        kept = [keep(file, out) for file in files] if out else []
    rows = [
        {
            "service": one.service,
            "image": images[one.service],
            "digest": one.index,
            "file": str(kept[n]) if kept else None,
        }
        for n, one in enumerate(lot)
    ]
    if as_json:
        dump({"release": record.id if record else None, "loaded": tool, "images": rows})
    else:
        write_pulled(answers(), rows, tool)


def keep(file: Path, folder: Path) -> Path:
    """Move a file into a folder, which is made if it is not there; where it is then.

    :raises ConfigError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.move(file, folder / file.name))
    except OSError as error:
        raise ConfigError(
            f"the images cannot be written to {folder}: {error.strerror or error}",
            remedy="name another folder with --out",
            step="pull",
        ) from error


@click.command("copy")
@click.argument("what", metavar="VERSION|RUN|SERVICE@DIGEST")
@click.option("--from", "source", required=True, metavar="ENV", help="Environment that has it.")
@click.option("--to", required=True, metavar="ENV", help="Environment that it is copied to.")
@opt.root
@opt.as_json
def copy_command(what: str, source: str, to: str, root: Path, as_json: bool) -> None:
    """Copy a release or one image to another environment's registries, with signatures and attestations, by digest.

    It is verified before and after. No tag moves: 'sealift promote' does that too.
    """
    there = registries(root, to, None)
    found = registries(root, source, None)
    # The variables are for the registry that is written to, as in a promotion.
    found = replace(found, logins=find_logins(found.environ, there.settings, found.targets))
    lot = anyio.run(interruptible, lambda: copied(found, what, there.targets))
    work = partial(fetch.copy, lot=lot, source=found.targets[0], targets=there.targets)
    on_targets("registry copy", root, there, found.targets[:1], work)
    rows = [
        {"service": one.service, "digest": one.index, "to": str(target.repository(one.service))}
        for one in lot
        for target in there.targets
    ]
    if as_json:
        dump(rows)
    else:
        write_copied(answers(), rows)


async def copied(found: Registries, what: str, targets: Sequence[Target]) -> list[Sealed]:
    """What is to be copied.

    :raises ConfigError: it is not fit to leave this machine: no image does that has passed no gate.
    :raises RegistryError: it is not there.
    """
    if "@" not in what:
        async with found.clients(found.targets[:1]) as (client,):
            record = await record_at(client, what, found.settings.tag_prefix)
        if record is None:
            raise RegistryError(
                f"no release record {what} at {found.targets[0]}",
                remedy="name a version or the id of a run, or SERVICE@DIGEST",
                step="record",
            )
        check_fit(record, targets)
        return list(record.lot.values())
    wanted = parse_reference(what, found.services)
    async with found.clients(found.targets[:1]) as (client,):
        version = await look(client, wanted)
        if outside := [target for target in targets if not is_loopback(target.registry)]:
            record = await record_at(client, version.release, "") if version.release else None
            if record is None:
                raise ConfigError(
                    f"no release that is recorded at {found.targets[0]} has {what}, and {outside[0]} is not on this"
                    " machine",
                    remedy="copy an image of a release: 'sealift registry list' names them",
                    step="record",
                )
            check_fit(record, targets)
    return [sealed(version, wanted.service, rehearsal=found.settings.rehearsal)]

"""`sealift render …`: deployment manifests from a release record, and admission policies."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from ci.admission_command import admission_command
from ci.output import dump
from ci.render_files import found, replace, write_new
from ci.render_options import Asked, asked_for
from ci.render_output import as_json as images_as_json
from ci.render_output import write_difference, write_images
from ci.render_record import record_of
from ci.terminal import report
from pipelines.config import Problem, environ_with_dotenv
from pipelines.config.values import PULL_POLICIES, parse_pull_policy
from pipelines.errors import ConfigError, ExitCode
from pipelines.images import repository_of
from pipelines.promotion import check_fit
from pipelines.record import Record
from pipelines.render import carriers
from pipelines.render.compose import PULL_POLICIES as COMPOSE_POLICIES
from pipelines.render.compose import compose_file
from pipelines.render.images import Images
from pipelines.render.kubernetes import manifests
from pipelines.render.refusal import refuse
from pipelines.render.update import Objects, Updated, update
from pipelines.render.workloads import Deployable, check_services, chosen_target, deployable


@click.group("render")
def render() -> None:
    """Make deployment manifests from a release record, or set its images in those that you have.

    Images are named by digest: what runs is what was scanned, signed and verified. And admission policies, by which a
    cluster takes nothing else.
    """


render.add_command(admission_command)


@render.command("kubernetes")
@asked_for(
    click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for a file of each service.")
)
@click.option("--namespace", metavar="NAME", help="Of all objects. [default: none, so the one of kubectl]")
def kubernetes_command(asked: Asked, namespace: str | None) -> None:
    """Kubernetes manifests of a release.

    RECORD is its record, or dist/release.json. New manifests go to standard output or --out: a Deployment and a Service
    for each service that has a boot check. With --update, the release's images are set in manifests that you have: all
    of them are checked before any is written.
    """
    record = record_of(asked.record, asked.run, asked.env, asked.root)
    if asked.updates:
        _update(asked, record, carriers.kubernetes, {name: name for name in PULL_POLICIES})
        return
    policy, _ = _pull_policy(asked, record)
    release = _release(asked, record)
    made = manifests(release, pull_policy=policy, replicas=_replicas(asked), namespace=namespace)
    if asked.out is None:
        click.echo("---\n".join(made.values()), nl=False)
    else:
        folder = asked.out
        _write(asked, record, {folder / f"{name}.yaml": text for name, text in made.items()}, "kubernetes")


@render.command("compose")
@asked_for(click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write."))
@click.option("--swarm", is_flag=True, help="For 'docker stack deploy': without what it does not take.")
def compose_command(asked: Asked, swarm: bool) -> None:
    """A Compose file of a release.

    RECORD is its record, or dist/release.json. A new file goes to standard output or --out: all services that have a
    boot check. With --update, the release's images are set in files that you have: all of them are checked before any
    is written.
    """
    record = record_of(asked.record, asked.run, asked.env, asked.root)
    if asked.updates:
        _update(asked, record, carriers.compose, COMPOSE_POLICIES)
        return
    policy, _ = _pull_policy(asked, record)
    text = compose_file(_release(asked, record), pull_policy=None if swarm else policy, replicas=_replicas(asked))
    if asked.out is None:
        click.echo(text, nl=False)
    else:
        _write(asked, record, {asked.out: text}, "compose")


def _replicas(asked: Asked) -> int:
    return 1 if asked.replicas is None else asked.replicas


def _release(asked: Asked, record: Record) -> Deployable:
    release = deployable(record, chosen_target(record, asked.registry), asked.services)
    for note in release.notes:
        report(note)
    return release


def _write(asked: Asked, record: Record, files: Mapping[Path, str], command: str) -> None:
    written = write_new(files, update=f"sealift render {command} --update {asked.out}")
    if asked.as_json:
        listed = [{"file": str(path), "written": path in written} for path in files]
        dump({"release": record.id, "files": listed})
        return
    for path in files:
        report(f"{path} is written" if path in written else f"{path} is right already")


def _pull_policy(asked: Asked, record: Record) -> tuple[str, bool]:
    """When images are pulled, and whether anybody said so: the flag, the variable, or at the release."""
    if asked.pull_policy:
        return asked.pull_policy, True
    if text := environ_with_dotenv(asked.root.resolve(), os.environ).get("IMAGE_PULL_POLICY"):
        try:
            return parse_pull_policy(text), True
        except ValueError as error:
            raise ConfigError(f"IMAGE_PULL_POLICY: {error}", remedy="mend the variable", step="render") from None
    return record.plan.image_pull_policy, record.plan.origins.get("image_pull_policy", "default") != "default"


def _update(asked: Asked, record: Record, objects: Objects, policies: Mapping[str, str]) -> None:
    if asked.registry is None:
        check_fit(record, record.targets)
    target = None if asked.registry is None else chosen_target(record, asked.registry)
    policy, said = _pull_policy(asked, record)
    images = Images(
        record=record,
        target=target,
        mapped=_mapped(asked, record),
        kept=asked.keeps,
    )
    files = update(
        found(asked.updates),
        objects,
        images,
        pull_policy=policies[policy] if said else None,
        add_policy=bool(asked.pull_policy),
    )
    _check_any(asked, record, files)
    looking = asked.check or asked.diff
    if not looking:
        changed = {Path(name): file.after for name, file in files.items() if file.after != file.before}
        replace(changed)
    if asked.as_json:
        dump(images_as_json(record.id, files))
    else:
        if looking:
            write_difference(files)
        write_images(files, written=not looking)
    if asked.check and any(file.after != file.before for file in files.values()):
        sys.exit(ExitCode.FAILED)


def _mapped(asked: Asked, record: Record) -> Mapping[str, str]:
    pairs = [text.rpartition("=") for text in asked.maps]
    if wrong := [text for text, (old, _, new) in zip(asked.maps, pairs, strict=True) if not old or not new]:
        raise click.UsageError(f"--map {wrong[0]}: expected REPOSITORY=SERVICE")
    check_services(record, [service for _, _, service in pairs])
    return {repository_of(old): service for old, _, service in pairs}


def _check_any(asked: Asked, record: Record, files: Mapping[str, Updated]) -> None:
    """:raises ConfigError: a file that was named has no objects, or no file has an image of the release."""
    named = {str(path) for path in asked.updates}
    if foreign := [name for name, file in files.items() if file.foreign and name in named]:
        refuse([Problem(source=name, message="no Kubernetes object in it: no apiVersion and kind") for name in foreign])
    images = [found for file in files.values() for found in file.images]
    if not any(found.now for found in images):
        others = ", ".join(dict.fromkeys(found.was for found in images)) or "none"
        raise ConfigError(
            f"no image of the release {record.id} is in {', '.join(map(str, asked.updates))}; images there: {others}",
            remedy="say with --map REPOSITORY=SERVICE whose image takes the place of one that is there",
            step="render",
        )

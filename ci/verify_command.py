"""`sealift verify`: whether images are what they should be, whoever asks; a gate before a deployment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from ci import options as opt
from ci.output import dump
from ci.registry_engine import on_targets
from ci.registry_ground import Registries, registries_by
from ci.run import planned
from ci.subjects import Asked, asked, of_plan, subjects
from ci.terminal import answers
from ci.who import Who
from pipelines import commands
from pipelines.config import Flags
from pipelines.errors import RegistryError, SigningError
from pipelines.expected import Subject
from pipelines.graph import Session
from pipelines.graph.verification import objections
from pipelines.graph.verification import verify as verify_all
from pipelines.predicates import PREDICATES
from pipelines.report import verification
from pipelines.trust import GITHUB_ISSUER, Trust
from pipelines.verification import Verified

_UNSIGNED = "do not use this image; it was not signed with this key or identity, or it was changed"
_OTHERWISE = "do not use this image as it is; docs/verify.md says what each check asks for"
_AGE = re.compile(r"(?P<number>[0-9]{1,5})(?P<unit>[hd])")


def _age(_: click.Context, __: click.Parameter, value: str | None) -> timedelta | None:
    if value is None:
        return None
    found = _AGE.fullmatch(value)
    if found is None or int(found["number"]) == 0:
        raise click.BadParameter("expected hours or days, such as 48h or 7d")
    number = int(found["number"])
    return timedelta(hours=number) if found["unit"] == "h" else timedelta(days=number)


def images(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which images; `verify` and `rescan` share them."""
    for option in (
        click.option("--release", metavar="VERSION|RUN", help="The images of a release, by the registry's record."),
        click.option(
            "--record", type=click.Path(path_type=Path), metavar="FILE", help="The images of a release, by its record."
        ),
        click.argument("references", nargs=-1, metavar="[IMAGE]..."),
    ):
        command = option(command)
    return command


def chosen(
    root: Path, flags: Flags, references: Sequence[str], record: Path | None, release: str | None, *, every: bool
) -> tuple[Registries, Asked]:
    """The registries, and the images that are named.

    :raises click.UsageError: they are named in two ways.
    :raises ConfigError: as `registries_by` and `asked`.
    """
    given = {
        "IMAGE": bool(references), "--record": record is not None and not references, "--release": release is not None,
        "--tag": bool(flags.tags), "--all-tags": every,
    }  # fmt: skip
    if len(said := [name for name, there in given.items() if there]) > 1:
        raise click.UsageError(f"{' and '.join(said)} say in two ways which images are meant; give one of them")
    found = registries_by(root, flags)
    return found, asked(found, references, record, release, every=every)


@click.command("verify")
@images
@opt.selection
@click.option("--all-tags", "every", is_flag=True, help="The whole environment: every tag that its services have.")
@click.option("--max-scan-age", callback=_age, metavar="48h|7d", help="The attested scan of each platform is younger.")
@click.option("--identity", metavar="SUBJECT", help="Who signed, exactly, not the configuration's identities.")
@click.option("--issuer", metavar="URL", help=f"Who vouches for --identity. [default: {GITHUB_ISSUER}]")
@click.option("--repository", metavar="OWNER/NAME", help="Whose job --identity is, of a workflow that others call too.")
@click.option("--ref", metavar="REF", help="Git ref that the job of --identity is about, as in refs/tags/v1.2.3.")
@click.option("--key", type=click.Path(path_type=Path), metavar="FILE", help="Public key of who signed, instead.")
@click.option(
    "--trusted-root", type=click.Path(path_type=Path), metavar="FILE",
    help="With --identity: what its Sigstore is trusted by.",
)  # fmt: skip
@click.option("--commands", "as_commands", is_flag=True, help="Print the plain Cosign commands, as a shell script.")
@opt.as_json
def verify_command(
    *,
    references: tuple[str, ...],
    record: Path | None,
    release: str | None,
    flags: Flags,
    root: Path,
    every: bool,
    max_scan_age: timedelta | None,
    as_commands: bool,
    as_json: bool,
    **who: Any,
) -> None:
    """Verify images where they are: signatures, attestations, platforms, and what a release record says of them.

    IMAGE is SERVICE:TAG, SERVICE@DIGEST, or any image with its registry. Without one: the first tag of each service of
    the plan. Nothing is built. Of images of others, which no configuration names, only the signature is verified.

    Exit code 10 if something does not verify, 5 if a registry did not show it.
    """
    said = Who(**who)
    said.check()
    found, named = chosen(root, flags, references, record, release, every=every)
    by_plan = not (references or record or release or every or found.settings.explicit_tags)
    plan = planned(root, flags).plan if by_plan else None
    given, oldest = said.trust(root, found), max_scan_age or _oldest(found)

    async def work(session: Session) -> tuple[list[Verified], Mapping[str, Subject], Trust]:
        trust = given or await session.trust()

        async def counted() -> Trust:
            return trust

        session = replace(session, trust=counted)
        wanted = of_plan(plan) if plan else await subjects(session, found, named)
        return await verify_all(session, wanted, oldest=oldest), {one.shown: one for one in wanted}, trust

    results, wanted, counted = on_targets("verify", root, found, named.targets, work)
    plain = {
        item.reference: list(commands.commands(item, counted, insecure=wanted[item.reference].target.insecure))
        for item in results
    }
    if as_json:
        more = {key: {"commands": value} if as_commands else {} for key, value in plain.items()}
        dump([item.as_json() | more[item.reference] for item in results])
    elif as_commands:
        click.echo(commands.script((line for lines in plain.values() for line in lines), counted), nl=False)
    else:
        console = answers()
        console.print(verification.render(results, width=console.width))
    _end(results)


def _oldest(found: Registries) -> timedelta | None:
    days = found.settings.policy.max_scan_age_days
    return timedelta(days=days) if days is not None else None


def _end(results: Sequence[Verified]) -> None:
    """:raises SigningError, RegistryError: not everything verifies; with all that is wrong."""
    wrong = objections(results)
    if not wrong:
        return
    lines = "\n    ".join(f"{reference}: {text}" for reference, texts in wrong.items() for text in texts)
    if refused := {check.name for item in results for check in item.refused}:
        unsigned = refused & {"signature", *PREDICATES}
        raise SigningError(lines, remedy=_UNSIGNED if unsigned else _OTHERWISE, step="verify")
    raise RegistryError(
        lines, remedy="publish it first, name another image, or ask again when the registry answers", step="verify"
    )

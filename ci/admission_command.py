"""`sealift render admission`: policies by which a cluster takes only images that were signed by those who may."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ci import options as opt
from ci.admission import ENGINES, Wanted, policies
from ci.output import dump
from ci.registry_options import ENVIRONMENT
from ci.render_files import replace
from ci.render_output import write_difference
from ci.terminal import report
from pipelines.errors import ConfigError, ExitCode
from pipelines.render.admission import MADE
from pipelines.render.update import Updated


@click.command("admission")
@ENVIRONMENT
@click.option(
    "--target",
    "engines",
    multiple=True,
    type=click.Choice(tuple(ENGINES)),
    help="Policy engine. Repeatable. [default: each that can check these signatures]",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for a file of each engine.")
@click.option("--name", metavar="NAME", help="Of the policy in the cluster. [default: PROJECT-ENVIRONMENT]")
@click.option(
    "--provenance/--no-provenance",
    default=True,
    help="Demand SLSA provenance besides the signature; images of before Sealift attested it have none. [default: on]",
)
@click.option(
    "--require",
    "required",
    multiple=True,
    metavar="TYPE",
    help="Predicate type of what must be attested to the image too. Repeatable.",
)
@click.option("--everything", is_flag=True, help="Guard all images below the prefix, not only the services'.")
@click.option(
    "--pull-secret",
    "pull_secrets",
    multiple=True,
    metavar="NAME",
    help="Secret with a login to the registry: in Kyverno's namespace; for policy-controller, the pod's. Repeatable.",
)
@click.option("--check", is_flag=True, help="With --out: write nothing; exit code 1 if something would change.")
@click.option("--diff", is_flag=True, help="With --out: write nothing, and show what would change.")
@opt.root
@opt.as_json
def admission_command(
    *, out: Path | None, check: bool, diff: bool, root: Path, as_json: bool, **wanted: object
) -> None:
    """Admission policies of an environment.

    By them a Kubernetes cluster takes the environment's images only with a signature that 'sealift verify' accepts too.
    They go to standard output, or to --out: kyverno.yaml and policy-controller.yaml there.
    """
    if out is None and (check or diff or as_json):
        raise click.UsageError("--check, --diff and --json are about files: give --out")
    made = policies(root.resolve(), Wanted(**wanted))  # type: ignore[arg-type]
    if out is None:
        click.echo("---\n".join(made.values()), nl=False)
        return
    files = {out / f"{engine}.yaml": _updated(out / f"{engine}.yaml", text) for engine, text in made.items()}
    changed = {path: file for path, file in files.items() if file.before != file.after}
    looking = check or diff
    if not looking:
        replace({path: file.after for path, file in changed.items()})
    if as_json:
        dump({"files": [{"file": str(path), "changed": path in changed} for path in files]})
    else:
        if looking:
            write_difference({str(path): file for path, file in changed.items()})
        for path in files:
            done = "would change" if looking else "is written"
            report(f"{path} {done if path in changed else 'is right already'}")
    if check and changed:
        sys.exit(ExitCode.FAILED)


def _updated(path: Path, text: str) -> Updated:
    """A file as it is, and as it is to be.

    :raises ConfigError: it is none of these policies, or cannot be read.
    """
    try:
        before = path.read_bytes() if path.exists() else b""
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}", remedy="see to its rights, and run again", step="render"
        ) from error
    if before and not before.startswith(MADE.encode()):
        raise ConfigError(
            f"{path} is there already, and 'sealift render admission' has not made it",
            remedy="name another folder with --out, or move it away",
            step="render",
        )
    return Updated(before=before, after=text.encode("utf-8"), images=())

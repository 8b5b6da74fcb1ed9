"""`sealift rescan`: what is known today against the images that are in use."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from ci import options as opt
from ci.front import configured
from ci.invocation import invocation
from ci.output import dump
from ci.registry_engine import on_targets
from ci.registry_ground import Registries
from ci.reports import write_rescanned
from ci.signer import check_signable
from ci.subjects import subjects
from ci.terminal import answers
from ci.verify_command import chosen, images
from pipelines.config import Flags
from pipelines.errors import ConfigError, ExitCode
from pipelines.gating import rules_for
from pipelines.graph import Session
from pipelines.graph.attest_scans import attest_scans
from pipelines.graph.prepare import advisories_at
from pipelines.graph.quarantine import held, start
from pipelines.graph.rescan import Found, rescan
from pipelines.model import Database, Severity
from pipelines.plan import Rules
from pipelines.report import rescan as report

_SEVERITIES = [severity.name for severity in Severity if severity]


@click.command("rescan")
@images
@opt.narrowing
@click.option("--all-tags", "every", is_flag=True, help="Every image that a tag names, not only those in use.")
@click.option(
    "--severity", type=click.Choice(_SEVERITIES, case_sensitive=False), metavar="SEVERITY",
    help="Exit code 4 from this severity on. [default: the environment's]",
)  # fmt: skip
@click.option("--new-only", is_flag=True, help="Exit code 4 only for what the last attested scan did not find.")
@click.option(
    "--sarif", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Write SERVICE/PLATFORM-DIGEST.sarif into this folder.",
)  # fmt: skip
@click.option("--attest", is_flag=True, help="Attest the scans that pass, so that 'verify --max-scan-age' sees them.")
@opt.as_json
def rescan_command(
    *,
    references: tuple[str, ...],
    record: Path | None,
    release: str | None,
    flags: Flags,
    root: Path,
    every: bool,
    severity: str | None,
    new_only: bool,
    sarif: Path | None,
    attest: bool,
    as_json: bool,
) -> None:
    """Scan released images again with today's advisories, from their attested SBOMs. Nothing is built or pulled.

    IMAGE is SERVICE:TAG or SERVICE@DIGEST. Without one: what the environment's tags that move, and its highest
    versions, name. VEX and ignores of the configuration apply.

    Exit code 4 if something is found that would stop a release, or nothing can be said; 10 if an SBOM does not verify.
    """
    found, named = chosen(root, flags, references, record, release, every=every)
    if foreign := [one.shown for one in named.references if one.foreign]:
        raise ConfigError(
            f"{', '.join(foreign)}: no service of this configuration",
            remedy="name images of its services: the SBOMs of others' are not known to be made by Sealift",
            step="config",
        )
    rules = _rules(root, found, severity)
    if attest:
        check_signable(found.environ, found.settings, root)

    async def work(session: Session) -> tuple[Sequence[Found], Database]:
        database = found.settings.database
        wanted = await subjects(session, found, named)
        advisories = await advisories_at(
            session,
            database.repository,
            max_age=timedelta(hours=database.max_age_hours),
            sample_allowed=database.allow_sample and rules.rehearsal,
        )
        # Every tool has the quarantine bound, whether it is asked or not: it is there once, for both.
        async with held(session.toolbox):
            await start(session.toolbox)
            results = await rescan(session, wanted, advisories, rules)
            if attest:
                ours = invocation(found.environ, root.resolve(), ignores=found.settings.policy.ignores)
                results = await attest_scans(session, results, found.targets, advisories, rules, ours)
        if sarif is not None:
            await write_rescanned(results, sarif, found.config)
        return results, advisories.database

    results, database = on_targets("rescan", root, found, (), work)
    _show(results, database, rules, new_only=new_only, as_json=as_json)
    if any(one.rescanned.unseen or one.rescanned.refused(rules, new_only=new_only) for one in results):
        sys.exit(ExitCode.GATE)


def _rules(root: Path, found: Registries, severity: str | None) -> Rules:
    loaded = configured(root.resolve(), found.environ, found.flags)
    rules = rules_for(root.resolve(), loaded, found.settings, list(found.services), now=datetime.now(UTC))
    return replace(rules, severity=Severity[severity]) if severity else rules


def _show(results: Sequence[Found], database: Database, rules: Rules, *, new_only: bool, as_json: bool) -> None:
    found = [one.rescanned for one in results]
    if not as_json:
        console = answers()
        console.print(report.render(found, database, rules, width=console.width, new_only=new_only))
        return
    shown: dict[str, Any] = {
        "severity": rules.severity.name,
        "new_only": new_only,
        "database": {
            "reference": database.reference,
            "digest": database.digest,
            "updated": database.updated.isoformat(),
            "sample": database.sample,
        },
        "images": [one.as_json(rules, new_only=new_only) for one in found],
    }
    dump(shown)

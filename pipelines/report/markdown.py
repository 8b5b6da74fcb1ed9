"""A run's summary in Markdown, for the summary of a CI job or a comment on a pull request. Pure.

Names of packages, files, images and people come from outside: none of them begins a table's cell, a link, HTML, a
mention or a reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from pipelines.findings import dismissed
from pipelines.model import Examined
from pipelines.release import Release
from pipelines.report.plain import harmless
from pipelines.report.summary import findings, megabytes, tags_of, warnings_of
from pipelines.report.verdict import registries

FINDINGS = 200
"""Rows of the table of findings; what is more is in the reports."""

# What means something within a line of GitHub Flavored Markdown (https://github.github.com/gfm/).
_MEANING = re.compile(r"[\\`*_{}\[\]<>|~&@#:$^\"']|(?<=www)\.")
# GitHub looks for mentions and references in the finished page, where nothing is escaped any more.
_REFERRING = re.compile("[@#]")
_JOINER = "&#8288;"


def escaped(text: str) -> str:
    """Text that is shown as it is, on one line."""

    def entity(found: re.Match[str]) -> str:
        return f"&#{ord(found[0])};{_JOINER if _REFERRING.match(found[0]) else ''}"

    return _MEANING.sub(entity, " ".join(harmless(text).split()))


def code(text: str) -> str:
    """Text as code, on one line of a table or outside of one; an autolink, a mention or HTML in it is none."""
    return f"<code>{escaped(text)}</code>" if text else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[int] = ()) -> Iterator[str]:
    """Lines of a table whose cells are Markdown already; an empty one is none.

    :param right: columns that are numbers.
    """
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if lines:
        yield f"| {' | '.join(head)} |"
        yield f"|{'|'.join('--:' if number in right else '---' for number in range(len(head)))}|"
        yield from (*lines, "")


def markdown(release: Release) -> str:
    """The summary: verdict, images, tags, what the gate refused, what was found, and how to verify it."""
    return "\n".join([*_verdict(release), *_images(release), *_indexes(release), *_findings(release), *_next(release)])


def _verdict(release: Release) -> Iterator[str]:
    if release.violations:
        word = f"⛔ Refused by the gate: {len(release.violations)} violation(s), no tag moved"
    elif release.state == "published":
        word = f"✅ Published to {escaped(registries(release))}: {sum(one.moved for one in release.moves)} tag(s) moved"
    else:
        word = "✅ Passed: signed in the quarantine, nothing was pushed"
    plan = release.plan
    yield f"## {word}"
    yield ""
    about = [("release", release.id), ("environment", plan.environment), ("commit", plan.commit[:12])]
    about += [("version", plan.version)] if plan.version else []
    yield " · ".join(f"{name} {code(value)}" for name, value in about)
    yield ""
    for warning in warnings_of(release):
        yield f"> ⚠️ {escaped(warning)}"
        yield ""
    rows = [
        (escaped(f"{item.service} {item.platform or ''}".strip()), escaped(item.rule), escaped(item.what),
         escaped(item.remedy))
        for item in release.violations
    ]  # fmt: skip
    yield from table(("image", "rule", "refused for", "remedy"), rows)


def _images(release: Release) -> Iterator[str]:
    units = [unit for service in release.plan.services for unit in _units(release, service.name)]
    rows = [
        (escaped(unit.image.unit.service), escaped(unit.image.unit.platform), code(unit.image.digest.short),
         megabytes(unit.image.size), str(len(unit.packages)), escaped(findings(unit).plain),
         unit.made, f"{unit.seconds:.1f}")
        for unit in units
    ]  # fmt: skip
    head = ("service", "platform", "digest", "size", "packages", "findings", "made", "s")
    yield from table(head, rows, right=(3, 4, 7))


def _indexes(release: Release) -> Iterator[str]:
    names = [service.name for service in release.plan.services]
    sealed = [(name, one) for name in names if (one := (release.services or {}).get(name))]
    rows = [(escaped(name), code(one.index), escaped(tags_of(one))) for name, one in sealed]
    yield from table(("service", "index", "tags"), rows)


def _units(release: Release, service: str) -> list[Examined]:
    return sorted(release.of(service), key=lambda unit: unit.image.unit.platform)


def _findings(release: Release) -> Iterator[str]:
    """What the scans found, the worst first, once for all images that have it; then what is let pass, and why."""
    found: dict[tuple[str, ...], list[str]] = {}
    order: dict[tuple[str, ...], int] = {}
    for unit in release.units:
        for one in unit.scan.findings if unit.scan else ():
            key = (one.severity.name, one.id, f"{one.package} {one.installed}", one.fixed or "", one.title)
            found.setdefault(key, []).append(str(unit.image.unit))
            order[key] = -one.severity
    keys = sorted(found, key=lambda key: (order[key], key))
    rows = [(*(escaped(part) for part in key), escaped(", ".join(found[key]))) for key in keys[:FINDINGS]]
    if rows:
        yield f"<details><summary>{len(keys)} finding(s)</summary>"
        yield ""
        yield from table(("severity", "id", "package", "fixed in", "title", "images"), rows)
        if len(keys) > FINDINGS:
            yield f"{len(keys) - FINDINGS} more are in the reports."
            yield ""
        yield "</details>"
        yield ""
    for vex, there in dismissed(release.units).items():
        yield f"- Dismissed as {escaped(vex.status)}: {escaped(vex.id)} in {escaped(vex.package)}, {_all(there)}"
    for needed in release.excused:
        ignore = needed.ignore
        until = f"- Excused until {ignore.expires}: {escaped(ignore.id)} in {escaped(ignore.package)},"
        yield f"{until} {_all(needed.units)}: {escaped(ignore.reason)} ({escaped(ignore.owner)})"
    if release.excused or dismissed(release.units):
        yield ""


def _all(units: Iterable[object]) -> str:
    return escaped(", ".join(str(unit) for unit in units))


def _next(release: Release) -> Iterator[str]:
    """The commands that verify what was published, by digest: plain text, to be copied."""
    if release.state != "published":
        return
    first = release.plan.targets[0]
    yield "Verify, and get:"
    yield ""
    yield "```console"
    for service in release.plan.published:
        one = (release.services or {})[service.name]
        reference = f"{first.repository(service.name)}@{one.index}"
        yield f"sealift verify --env {release.plan.environment} {service.name}@{one.index}"
        yield f"docker pull {reference}"
    yield "```"
    yield ""

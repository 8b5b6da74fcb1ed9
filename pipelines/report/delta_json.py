"""A run against the last release, for `delta --json`; docs/pull-requests.md has the shape."""

from __future__ import annotations

from typing import Any

from pipelines.delta import Delta, PlatformDelta, Seen
from pipelines.model import Finding


def as_json(delta: Delta) -> dict[str, Any]:
    """The document."""
    return {
        "run": delta.run,
        "against": {
            "environment": delta.environment,
            "registry": delta.registry,
            "releases": [{"id": run, "version": version} for run, version in delta.releases.items()],
        },
        "services": [
            {
                "service": one.service,
                "state": one.state,
                "release": one.release,
                "platforms": [_platform(platform) for platform in one.platforms],
            }
            for one in delta.services
        ],
    }


def _platform(one: PlatformDelta) -> dict[str, Any]:
    return {
        "platform": one.unit.platform,
        "same": one.same,
        "before": _seen(one.before),
        "after": _seen(one.after),
        "layers": [{"command": item.command, "before": item.before, "after": item.after} for item in one.layers],
        "packages": [
            {"package": item.name, "kind": item.kind, "what": item.what, "before": list(item.before),
             "after": list(item.after)}
            for item in one.packages
        ],
        "scans_compared": one.scanned,
        "new": [{**_finding(item.finding), "known_since": item.known_since} for item in one.new],
        "fixed": [_finding(item) for item in one.fixed],
        "licences": {name: list(who) for name, who in one.licences.items()},
    }  # fmt: skip


def _seen(seen: Seen | None) -> dict[str, Any] | None:
    if seen is None:
        return None
    return {
        "digest": seen.digest, "size": seen.size, "packages": len(seen.packages), "made": seen.made,
        "seconds": seen.seconds,
    }  # fmt: skip


def _finding(one: Finding) -> dict[str, Any]:
    return {
        "id": one.id, "severity": one.severity.name, "package": one.package, "installed": one.installed,
        "fixed": one.fixed, "kind": one.kind,
    }  # fmt: skip

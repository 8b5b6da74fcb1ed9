"""Makes the plan of a release from configuration, settings and git facts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from pipelines.config import LoadedConfig, Origin, Settings, is_loopback, service_platforms
from pipelines.config.schema import Service
from pipelines.dockerfile import base_image
from pipelines.errors import ConfigError
from pipelines.git import GitFacts, Revision, last_change
from pipelines.inputs import read_dockerfiles
from pipelines.model import OCI, Platform, Severity
from pipelines.plan import Plan, Rules, ServicePlan
from pipelines.tags import TagInputs, TagReason, parse_version, tags_for, version_of


def make_plan(root: Path, loaded: LoadedConfig, settings: Settings, facts: GitFacts, *, now: datetime) -> Plan:
    """Plan a release. Reads Dockerfiles and the git history below `root`; asks no engine and no network.

    :raises ConfigError: an illegal tag or version, a commit that is not the checked-out one, changes that are not
        committed in a release of a version, or Dockerfiles and contexts from which nothing can be built, all of
        them at once.
    """
    _check_commit(settings, facts)
    version = settings.version or version_of(facts)
    rules = _rules(settings)
    if version is not None:
        parse_version(version)
        if not rules.rehearsal:
            _check_clean(version, facts)
    inputs = TagInputs(
        facts=facts, now=now, main_branch=loaded.config.main_branch, version=version, dirty=bool(facts.dirty)
    )
    dockerfiles = read_dockerfiles(root, loaded, settings)
    return Plan(
        project=loaded.config.project,
        environment=settings.environment,
        registry=settings.registry,
        insecure=settings.insecure,
        origins=settings.origins,
        commit=facts.commit,
        committed=facts.committed,
        dirty=bool(facts.dirty),
        version=version,
        services=tuple(
            _plan_service(name, root, loaded, settings, inputs, dockerfiles[name]) for name in settings.services
        ),
        rules=rules,
        database=settings.database.repository,
        database_sample=settings.database.allow_sample,
        jobs=settings.jobs,
        image_pull_policy=settings.image_pull_policy,
    )


def _check_commit(settings: Settings, facts: GitFacts) -> None:
    if settings.git_sha is not None and not facts.commit.startswith(settings.git_sha.lower()):
        raise ConfigError(
            f"GIT_SHA is {settings.git_sha}, but the checked-out commit is {facts.commit}",
            remedy="check out the commit that is to be released, or unset GIT_SHA",
            step="plan",
        )


def _check_clean(version: str, facts: GitFacts) -> None:
    """A version names a commit for good: nothing else may be published under it."""
    if facts.dirty:
        first, more = min(facts.dirty), len(facts.dirty) - 1
        raise ConfigError(
            f"{version} cannot be released with changes that are not committed: {first!r}"
            + (f" and {more} more" if more else ""),
            remedy="commit or stash the changes ('git status' lists them), or rehearse with --env local",
            step="plan",
        )


def _rules(settings: Settings) -> Rules:
    policy = settings.policy
    return Rules(
        severity=Severity[policy.severity],
        only_fixed=policy.only_fixed,
        max_layers=policy.max_layers,
        allow_root=policy.allow_root,
        max_database_age_hours=settings.database.max_age_hours,
        # The local environment's registry can be overridden: only what stays on the machine is a rehearsal.
        rehearsal=settings.environment == "local" and is_loopback(settings.registry),
    )


def _plan_service(
    name: str, root: Path, loaded: LoadedConfig, settings: Settings, inputs: TagInputs, dockerfile: str
) -> ServicePlan:
    facts = inputs.facts
    service = loaded.config.services[name]
    paths = loaded.paths[name]
    dirty = facts.dirty_below(paths.context)
    revision = last_change(root, (paths.context,)) or Revision(commit=facts.commit, committed=facts.committed)
    wanted = service_platforms(loaded.config, name)
    platforms = tuple(platform for platform in settings.platforms if platform in wanted)
    return ServicePlan(
        name=name,
        context=paths.context,
        dockerfile=paths.dockerfile.relative_to(paths.context),
        target=service.target,
        args=service.args,
        secrets=service.secrets,
        platforms=platforms,
        needs=service.needs,
        boot=service.boot,
        size_budget=int(service.size_budget or settings.policy.size_budget),
        bases=_bases(dockerfile, service, platforms),
        labels=_labels(name, service, loaded, revision, version=inputs.version, dirty=dirty),
        revision=revision,
        dirty=dirty,
        repository=settings.repository(name),
        tags=_tags(settings, inputs),
        reason=_reason(name, loaded, settings),
    )


def _tags(settings: Settings, inputs: TagInputs) -> tuple[TagReason, ...]:
    if settings.explicit_tags:
        return tuple(TagReason(tag=tag, reason="named by the caller") for tag in settings.explicit_tags)
    return tags_for(settings.tags, inputs, prefix=settings.tag_prefix)


def _bases(text: str, service: Service, platforms: tuple[Platform, ...]) -> Mapping[Platform, str | None]:
    needed = {argument: need for need, argument in service.needs.items()}
    args = {**service.args, **needed}
    return {platform: base_image(text, args=args, target=service.target, platform=platform) for platform in platforms}


def _reason(name: str, loaded: LoadedConfig, settings: Settings) -> str:
    """Why the service is in the plan, in words."""
    needing = [other for other in settings.services if name in loaded.config.services[other].needs]
    if settings.origins["services"] not in (Origin.ENVIRONMENT, Origin.FLAG):
        return "every service is released"
    return f"needed by {', '.join(needing)}" if needing else "selected"


def _labels(
    name: str, service: Service, loaded: LoadedConfig, revision: Revision, *, version: str | None, dirty: bool
) -> dict[str, str]:
    """Labels that depend on the service's own inputs only, so that a commit elsewhere does not change the image."""
    labels = {
        f"{OCI}title": name,
        f"{OCI}source": loaded.config.source,
        f"{OCI}revision": revision.commit + ("-dirty" if dirty else ""),
        f"{OCI}created": revision.committed.strftime("%Y-%m-%dT%H:%M:%SZ"),
        f"{OCI}licenses": service.licence or loaded.config.licence,
        f"{OCI}version": version or revision.commit[:7],
    }
    if service.description:
        labels[f"{OCI}description"] = service.description
    return labels

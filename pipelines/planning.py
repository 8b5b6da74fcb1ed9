"""Makes the plan of a release from configuration, settings and git facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines.affected import affected
from pipelines.basing import Based, read_bases
from pipelines.config import LoadedConfig, Settings, service_platforms, with_needed
from pipelines.config.schema import Service
from pipelines.dockerfile import base_image
from pipelines.gating import rules_for
from pipelines.git import GitFacts, Revision, last_change
from pipelines.git_range import read_range
from pipelines.inputs import read_dockerfiles
from pipelines.model import OCI, VERSION, Platform
from pipelines.plan import Plan, ServicePlan
from pipelines.releasable import check_commit, check_depth, check_git_tags, chosen, notes, released, unaffected
from pipelines.tags import TagInputs, TagReason, explicit, tags_for
from pipelines.versions import Scope, scope_of


def make_plan(root: Path, loaded: LoadedConfig, settings: Settings, facts: GitFacts, *, now: datetime) -> Plan:
    """Plan a release. Reads Dockerfiles and the git history below `root`; asks no engine and no network.

    :raises ConfigError: an illegal tag or version, a commit that is not the checked-out one, changes that are not
        committed in a release of a version, or Dockerfiles and contexts from which nothing can be built, all of
        them at once.
    """
    check_commit(settings, facts)
    scope = scope_of(settings.version, facts, loaded.config.services)
    chosen_names = names = released(loaded.config, settings, scope)
    reached: Mapping[str, str] | None = None
    if settings.since is not None:
        reached = affected(root, loaded, names, read_range(root, settings.since, facts, config=loaded.file))
        names = with_needed(loaded.config, reached)
    rules = rules_for(root, loaded, settings, names, now=now)
    if not rules.rehearsal:
        check_git_tags(scope, facts)
    dockerfiles = read_dockerfiles(root, loaded, names)
    base = read_bases(root, loaded, settings, dockerfiles)
    context = _Context(root=root, loaded=loaded, settings=settings, facts=facts, now=now, scope=scope, reached=reached)
    services = tuple(_plan_service(name, context, dockerfiles[name], names, base) for name in names)
    edge = [service.name for service in services if service.revision.commit in facts.shallow]
    if scope.git_tags and not rules.rehearsal:
        check_depth(edge)
    return Plan(
        project=loaded.config.project,
        environment=settings.environment,
        targets=settings.targets,
        origins=settings.origins,
        commit=facts.commit,
        committed=facts.committed,
        dirty=bool(facts.dirty),
        version=scope.version,
        services=services,
        rules=rules,
        database=settings.database.repository,
        database_sample=settings.database.allow_sample,
        jobs=settings.jobs,
        image_pull_policy=settings.image_pull_policy,
        move_back=settings.when_tags_fail == "move-back",
        tag_prefix=settings.tag_prefix,
        since=settings.since,
        lock=base.lock,
        notes=(
            *notes(settings, scope, facts, edge),
            *base.notes,
            *unaffected(settings, [name for name in chosen_names if reached is not None and name not in reached]),
        ),
    )


@dataclass(frozen=True, kw_only=True)
class _Context:
    """What the plan of every service is made from.

    :param reached: service → why a change reached it, where only those are released.
    """

    root: Path
    loaded: LoadedConfig
    settings: Settings
    facts: GitFacts
    now: datetime
    scope: Scope
    reached: Mapping[str, str] | None = None

    def inputs(self, service: str) -> TagInputs:
        return TagInputs(
            facts=self.facts,
            now=self.now,
            main_branch=self.loaded.config.main_branch,
            version=self.scope.of(service),
            dirty=bool(self.facts.dirty),
        )


def _plan_service(name: str, context: _Context, dockerfile: str, names: tuple[str, ...], base: Based) -> ServicePlan:
    loaded, settings, facts = context.loaded, context.settings, context.facts
    service = loaded.config.services[name]
    paths = loaded.paths[name]
    dirty = facts.dirty_below(paths.context)
    fallback = Revision(commit=facts.commit, committed=facts.committed)
    revision = last_change(context.root, (paths.context,)) or fallback
    wanted = service_platforms(loaded.config, name)
    platforms = tuple(platform for platform in settings.platforms if platform in wanted)
    version = context.scope.of(name)
    published = not context.scope.own or version is not None or chosen(settings)
    if context.reached is not None and name not in context.reached:
        published = False
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
        pins=base.pins[name],
        labels=_labels(name, service, loaded, revision, version=version, dirty=dirty),
        revision=revision,
        dirty=dirty,
        repository=settings.targets[0].repository(name),
        tags=_tags(settings, context.inputs(name)) if published else (),
        reason=_reason(name, context, names),
        version=version,
        published=published,
    )


def _tags(settings: Settings, inputs: TagInputs) -> tuple[TagReason, ...]:
    if settings.explicit_tags:
        return explicit(settings.explicit_tags, prefix=settings.tag_prefix)
    return tags_for(settings.tags, inputs, prefix=settings.tag_prefix)


def _bases(text: str, service: Service, platforms: tuple[Platform, ...]) -> Mapping[Platform, str | None]:
    needed = {argument: need for need, argument in service.needs.items()}
    args = {**service.args, **needed}
    return {platform: base_image(text, args=args, target=service.target, platform=platform) for platform in platforms}


def _reason(name: str, context: _Context, names: Sequence[str]) -> str:
    """Why the service is in the plan, in words."""
    services = context.loaded.config.services
    needing = [other for other in names if name in services[other].needs]
    if context.reached is not None and name in context.reached:
        return context.reached[name]
    if version := context.scope.own.get(name):
        return f"released as {name}/{version}"
    if not chosen(context.settings) and not context.scope.own and context.reached is None:
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
        VERSION: version or revision.commit[:7],
    }
    if service.description:
        labels[f"{OCI}description"] = service.description
    return labels

"""The spans of a run: run → service → platform → stage, by OpenTelemetry's semantic conventions.

<https://opentelemetry.io/docs/specs/semconv/cicd/cicd-spans/>. A service's and a platform's span last from when the
first of its stages could begin to the end of the last one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.semconv._incubating.attributes import cicd_attributes as cicd
from opentelemetry.semconv._incubating.attributes import container_attributes as container
from opentelemetry.semconv._incubating.attributes import oci_attributes as oci
from opentelemetry.semconv._incubating.attributes import vcs_attributes as vcs
from opentelemetry.semconv.attributes.error_attributes import ERROR_TYPE
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue

from pipelines.errors import EngineError, SealiftError, SeveralErrors
from pipelines.model import Digest, Unit
from pipelines.plan import Plan
from pipelines.trace import Result

# The conventions know three types; what only prepares or seals is none of them.
_TYPES = {
    **dict.fromkeys(("build", "index"), "build"),
    **dict.fromkeys(("boot", "sbom", "scan", "secrets", "verify"), "test"),
    **dict.fromkeys(("copy", "tag"), "deploy"),
}


def result_of(failure: BaseException | None) -> Result:
    """How it ended, by what was raised. What is cancelled because something else failed is no failure itself."""
    if failure is None:
        return "success"
    if not isinstance(failure, Exception):
        return "cancellation"
    first = first_of(failure)
    return "failure" if isinstance(first, SealiftError) and not isinstance(first, EngineError) else "error"


def first_of(failure: BaseException) -> BaseException:
    """The failure that stopped the run, of several."""
    return failure.errors[0] if isinstance(failure, SeveralErrors) else failure


def _fail(span: Span, failure: BaseException | None) -> None:
    """Kind and first line of a failure; what a tool printed after that stays out of traces."""
    if failure is not None and result_of(failure) != "cancellation":
        first = first_of(failure)
        said = (first.what if isinstance(first, SealiftError) else str(first)).strip()
        span.set_attribute(ERROR_TYPE, type(first).__name__)
        span.set_status(Status(StatusCode.ERROR, said.splitlines()[0] if said else None))


@dataclass
class _Group:
    """The span of a service or of a platform. `end` is that of its last stage so far."""

    span: Span
    end: float = 0.0
    failure: BaseException | None = None


@dataclass
class Spans:
    """The tree of one run. Times are seconds since the run began, at `began_ns` of the Unix epoch.

    :param parent: the context of the caller's span, such as a CI system's; an empty one makes a trace of its own.
    """

    tracer: Tracer
    command: str
    parent: Context
    began_ns: int
    run: Span = field(init=False)
    _plan: Plan | None = field(default=None, init=False)
    _groups: dict[str, _Group] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.run = self.tracer.start_span(
            f"RUN sealift {self.command}",
            self.parent,
            SpanKind.SERVER,
            {cicd.CICD_PIPELINE_NAME: f"sealift {self.command}", cicd.CICD_PIPELINE_ACTION_NAME: "RUN"},
            start_time=self.began_ns,
        )

    def _at(self, seconds: float) -> int:
        return self.began_ns + round(seconds * 1e9)

    def planned(self, plan: Plan) -> None:
        """What is run, and from which commit."""
        self._plan = plan
        attributes: dict[str, AttributeValue] = {
            vcs.VCS_REPOSITORY_NAME: plan.project,
            vcs.VCS_REF_HEAD_REVISION: plan.commit,
            "sealift.environment": plan.environment,
            "sealift.registry": plan.registry,
            "sealift.jobs": plan.jobs,
            "sealift.dirty": plan.dirty,
        }
        self.run.set_attributes(attributes | ({"sealift.version": plan.version} if plan.version else {}))

    def named(self, run: str) -> None:
        """The run's id."""
        self.run.set_attribute(cicd.CICD_PIPELINE_RUN_ID, run)

    def stage(self, name: str, unit: str | Unit, *, asked: float, start: float) -> Span:
        """The span of a stage, beneath its platform's, its service's or the run's; not ended, not made current."""
        attributes: dict[str, AttributeValue] = {
            cicd.CICD_PIPELINE_TASK_NAME: name,
            "sealift.waited": round(start - asked, 3),
        }
        if name in _TYPES:
            attributes[cicd.CICD_PIPELINE_TASK_TYPE] = _TYPES[name]
        attributes |= self._where(unit)
        context = otel.set_span_in_context(self._above(unit, asked), Context())
        span = self.tracer.start_span(name, context, SpanKind.INTERNAL, attributes, start_time=self._at(start))
        span.set_attribute(cicd.CICD_PIPELINE_TASK_RUN_ID, otel.format_span_id(span.get_span_context().span_id))
        return span

    def ended(
        self, span: Span, unit: str | Unit, end: float, failure: BaseException | None, digest: Digest | None
    ) -> None:
        """The stage ended; what it made is known of its platform or service from now on."""
        span.set_attribute(cicd.CICD_PIPELINE_TASK_RUN_RESULT, result_of(failure))
        _fail(span, failure)
        for key in {str(unit), self._service(unit)} & self._groups.keys():
            group = self._groups[key]
            group.end = max(group.end, end)
            group.failure = group.failure or (failure if result_of(failure) != "cancellation" else None)
        if digest is not None:
            made = self._made(unit, digest)
            span.set_attributes(made)
            if str(unit) in self._groups:
                self._groups[str(unit)].span.set_attributes(made)
        span.end(self._at(end))

    def cached(self, unit: Unit, cached: bool) -> None:
        """Whether the image was there already."""
        if str(unit) in self._groups:
            self._groups[str(unit)].span.set_attribute("sealift.cached", cached)

    def end(self, seconds: float, result: Result, failure: BaseException | None) -> None:
        """End what is open: platforms and services where their last stage ended, the run now."""
        for group in reversed(self._groups.values()):
            _fail(group.span, group.failure)
            group.span.end(self._at(group.end))
        self.run.set_attribute(cicd.CICD_PIPELINE_RESULT, result)
        _fail(self.run, failure)
        self.run.end(self._at(seconds))

    def _service(self, unit: str | Unit) -> str:
        """The service that a stage is about; empty if it is about the whole run or something else."""
        name = unit.service if isinstance(unit, Unit) else unit
        known = {service.name for service in self._plan.services} if self._plan else set()
        return name if name in known else ""

    def _above(self, unit: str | Unit, asked: float) -> Span:
        service = self._service(unit)
        if not service:
            return self.run
        above = self._group(service, service, self.run, asked)
        return self._group(str(unit), unit, above, asked) if isinstance(unit, Unit) else above

    def _group(self, name: str, unit: str | Unit, above: Span, start: float) -> Span:
        if name not in self._groups:
            context = otel.set_span_in_context(above, Context())
            span = self.tracer.start_span(
                name, context, SpanKind.INTERNAL, self._where(unit), start_time=self._at(start)
            )
            self._groups[name] = _Group(span=span, end=start)
        return self._groups[name].span

    def _where(self, unit: str | Unit) -> Mapping[str, AttributeValue]:
        service = self._service(unit)
        if not service or self._plan is None:
            return {}
        plan = self._plan.service(service)
        where: dict[str, AttributeValue] = {
            "sealift.service": service,
            container.CONTAINER_IMAGE_NAME: str(plan.repository),
            container.CONTAINER_IMAGE_TAGS: [str(item.tag) for item in plan.tags],
        }
        return where | ({"sealift.platform": str(unit.platform)} if isinstance(unit, Unit) else {})

    def _made(self, unit: str | Unit, digest: Digest) -> Mapping[str, AttributeValue]:
        service = self._service(unit)
        made: dict[str, AttributeValue] = {oci.OCI_MANIFEST_DIGEST: str(digest)}
        if service and self._plan is not None:
            made[container.CONTAINER_IMAGE_REPO_DIGESTS] = [self._plan.service(service).repository.at(digest)]
        return made

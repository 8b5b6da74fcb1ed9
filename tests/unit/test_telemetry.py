"""What a run tells: each stage, to OpenTelemetry's own SDK with an exporter in memory, and to the trace."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from opentelemetry import propagate
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracer, SpanKind, StatusCode

from pipelines.errors import BuildError, EngineError, GateFailed, SeveralErrors
from pipelines.model import Unit
from pipelines.telemetry import Recorder

if TYPE_CHECKING:
    from tests.unit.conftest import Samples

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
FAILED = BuildError("'make' ended with exit code 2:\n    planted-words", remedy="mend it", service="aidb", step="build")


class Run:
    """A recorder, and the spans that it made by name."""

    def __init__(self, samples: Samples, traceparent: str = "") -> None:
        self.memory = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.memory))
        parent = propagate.extract({"traceparent": traceparent})
        self.recorder = Recorder(tracer=provider.get_tracer("test"), command="build-all", parent=parent)
        self.recorder.planned(samples.plan())
        self.recorder.named("20250120T143000Z-abc1234-9f2c")
        self.unit = Unit(service="aidb", platform=samples.amd64)

    @property
    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.memory.get_finished_spans()}

    def parent(self, name: str) -> str | None:
        """Name of the span above."""
        above = self.spans[name].parent
        return next(
            (other.name for other in self.spans.values() if above and other.context.span_id == above.span_id), None
        )


@pytest.fixture
def run(samples: Samples) -> Run:
    return Run(samples)


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def test_stages_stand_beneath_their_platform_service_and_run(run: Run, samples: Samples) -> None:
    for name, unit in (("build", run.unit), ("index", "aidb"), ("database", ""), ("verify", "ghcr.io")):
        with run.recorder.stage(name, unit):
            pass
    run.recorder.end()
    above = {name: run.parent(name) for name in run.spans}
    assert above == {
        "build": "aidb linux/amd64",
        "aidb linux/amd64": "aidb",
        "aidb": "RUN sealift build-all",
        "index": "aidb",
        "database": "RUN sealift build-all",
        "verify": "RUN sealift build-all",
        "RUN sealift build-all": None,
    }
    top, service = run.spans["RUN sealift build-all"], run.spans["aidb"]
    assert top.kind is SpanKind.SERVER
    assert service.start_time == run.spans["build"].start_time
    assert service.end_time == run.spans["index"].end_time
    assert attributes(top)["vcs.ref.head.revision"] == samples.plan().commit
    assert attributes(top)["cicd.pipeline.run.id"] == "20250120T143000Z-abc1234-9f2c"
    assert attributes(top)["cicd.pipeline.result"] == "success"


def test_what_a_stage_made_is_known_of_the_platform_and_of_the_service(run: Run, samples: Samples) -> None:
    image, index = samples.digest("image"), samples.digest("index")
    with run.recorder.stage("build", run.unit) as doing:
        doing.digest = image
    with run.recorder.stage("index", "aidb") as doing:
        doing.digest = index
    run.recorder.examined([samples.unit()])
    run.recorder.end()
    for name, digest in (("build", image), ("aidb linux/amd64", image), ("index", index), ("aidb", index)):
        made = attributes(run.spans[name])
        assert made["oci.manifest.digest"] == digest
        assert made["container.image.repo_digests"] == (f"ghcr.io/sealift/aidb@{digest}",)
        assert made["container.image.name"] == "ghcr.io/sealift/aidb"
        assert made["container.image.tags"] == ("v1.2.3", "v1.2")
    assert attributes(run.spans["aidb linux/amd64"])["sealift.cached"] is samples.unit().cached
    assert attributes(run.spans["build"])["cicd.pipeline.task.type"] == "build"
    assert attributes(run.spans["build"])["cicd.pipeline.task.run.result"] == "success"


def test_a_failure_shows_from_its_stage_to_the_run_without_what_a_tool_printed(run: Run) -> None:
    with pytest.raises(BuildError), run.recorder.stage("build", run.unit):
        raise FAILED
    run.recorder.end(SeveralErrors([FAILED, EngineError("gone", remedy="wait")]))
    assert set(run.spans) == {"build", "aidb linux/amd64", "aidb", "RUN sealift build-all"}
    for span in run.spans.values():
        assert span.status.status_code is StatusCode.ERROR, span.name
        assert attributes(span)["error.type"] == "BuildError"
        assert "planted-words" not in span.to_json()
    assert attributes(run.spans["build"])["cicd.pipeline.task.run.result"] == "failure"
    assert run.recorder.trace("off").result == "failure"


def test_what_was_cancelled_has_not_failed(run: Run) -> None:
    with pytest.raises(asyncio.CancelledError), run.recorder.stage("build", run.unit):
        raise asyncio.CancelledError
    run.recorder.end(asyncio.CancelledError())
    for span in run.spans.values():
        assert span.status.status_code is StatusCode.UNSET, span.name
        assert "error.type" not in attributes(span)
    assert run.recorder.trace("off").stages[0].result == "cancellation"
    assert attributes(run.spans["RUN sealift build-all"])["cicd.pipeline.result"] == "cancellation"


@pytest.mark.parametrize(
    ("failure", "result"),
    [
        (None, "success"),
        (FAILED, "failure"),
        (EngineError("gone", remedy="wait"), "error"),
        (RuntimeError(), "error"),
        (KeyboardInterrupt(), "cancellation"),
    ],
    ids=["none", "ours", "the engine's", "a bug", "Ctrl-C"],
)
def test_the_result_is_told_by_the_failure(run: Run, failure: BaseException | None, result: str) -> None:
    run.recorder.end(failure)
    assert attributes(run.spans["RUN sealift build-all"])["cicd.pipeline.result"] == result
    assert run.recorder.trace("off").result == result


def test_a_refusal_by_the_gate_is_a_failed_run_without_a_failed_stage(run: Run) -> None:
    with run.recorder.stage("scan", run.unit):
        pass
    run.recorder.refused(GateFailed("2 violations", remedy="mend them"))
    run.recorder.end()
    assert attributes(run.spans["RUN sealift build-all"])["error.type"] == "GateFailed"
    assert run.spans["scan"].status.status_code is StatusCode.UNSET
    assert run.recorder.trace("off").result == "failure"


def test_a_callers_span_is_above_the_run_and_inside_of_a_stage_its_span_is_the_current_one(samples: Samples) -> None:
    run = Run(samples, PARENT)
    carried: list[dict[str, str]] = [{}, {}]
    with run.recorder.current():
        propagate.inject(carried[0])
        with run.recorder.stage("build", run.unit):
            propagate.inject(carried[1])
    run.recorder.end()
    top, build = run.spans["RUN sealift build-all"], run.spans["build"]
    assert top.parent is not None
    assert f"{top.parent.span_id:016x}" == "b7ad6b7169203331"
    for span, carrier in ((top, carried[0]), (build, carried[1])):
        assert carrier["traceparent"] == f"00-0af7651916cd43dd8448eb211c80319c-{span.context.span_id:016x}-01"


def test_the_trace_has_the_stages_in_order_with_what_they_waited(run: Run, samples: Samples) -> None:
    asked = run.recorder.now()
    with run.recorder.stage("build", run.unit, asked=asked):
        pass
    with run.recorder.stage("scan", run.unit):
        pass
    run.recorder.examined([samples.unit()])
    run.recorder.end()
    trace = run.recorder.trace("here", ())
    assert [item.stage for item in trace.stages] == ["build", "scan"]
    assert trace.stages[0].asked == round(asked, 3) <= trace.stages[0].start <= trace.stages[0].end
    assert run.recorder.asked_by() == {
        f"{run.spans[name].context.span_id:016x}": (name, "aidb linux/amd64") for name in ("build", "scan")
    }
    assert [made.unit for made in trace.units] == ["aidb linux/amd64"]
    assert trace.jobs == 4
    assert trace.trace_id == f"{run.spans['build'].context.trace_id:032x}"


def test_without_opentelemetry_there_is_a_trace_all_the_same(samples: Samples) -> None:
    recorder = Recorder(tracer=NoOpTracer(), command="build-all")
    with recorder.stage("plan"):
        pass
    recorder.planned(samples.plan())
    with recorder.stage("build", Unit(service="aidb", platform=samples.amd64)):
        pass
    recorder.end()
    trace = recorder.trace("off")
    assert trace.trace_id is None
    assert [(item.stage, item.span) for item in trace.stages] == [("plan", None), ("build", None)]

from __future__ import annotations

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

from ci.engine_spans import read_spans, steps
from pipelines.trace import Step

STAGES = {"00000000000000aa": ("build", "web linux/amd64"), "00000000000000bb": ("scan", "web linux/amd64")}


def span(
    number: int,
    name: str,
    *,
    parent: int = 0xAA,
    at: tuple[float, float] = (0.0, 1.0),
    digest: str = "",
    links: tuple[int, ...] = (),
    **marks: bool,
) -> trace_pb2.Span:
    """A span as the engine makes it; `cached` and `pending` are its marks."""
    made = trace_pb2.Span(
        span_id=number.to_bytes(8, "big"), parent_span_id=parent.to_bytes(8, "big"), name=name,
        start_time_unix_nano=round(at[0] * 1e9), end_time_unix_nano=round(at[1] * 1e9),
        links=[trace_pb2.Span.Link(span_id=link.to_bytes(8, "big")) for link in links],
    )  # fmt: skip
    if digest:
        made.attributes.add(key="dagger.io/dag.digest").value.string_value = digest
    for mark, value in marks.items():
        made.attributes.add(key=f"dagger.io/dag.{mark}").value.bool_value = value
    return made


def found(*spans: trace_pb2.Span) -> tuple[Step, ...]:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.extend(spans)
    return steps(read_spans([request.SerializeToString()]), STAGES)


def test_a_step_that_the_engine_had_is_a_hit() -> None:
    (step,) = found(span(1, "Container.withExec", digest="a", cached=True))
    assert step == Step(name="Container.withExec", stage="build", unit="web linux/amd64", seconds=1.0, cached=True)


def test_a_step_that_was_put_off_is_done_by_what_resumed_it_and_counts_with_who_asked_for_it() -> None:
    (step,) = found(
        span(1, "Container.withExec", digest="a", pending=True, at=(0, 0.1)),
        span(2, "POST /query", parent=0xBB, at=(1, 5)),
        span(3, "resume withExec", parent=2, links=(1, 1), at=(1, 4)),
    )
    assert step == Step(name="Container.withExec", stage="build", unit="web linux/amd64", seconds=3.0, cached=False)


def test_a_step_that_was_put_off_and_never_needed_is_none() -> None:
    assert found(span(1, "Container.withExec", digest="a", pending=True)) == ()


def test_a_step_counts_once_and_what_was_done_for_the_first_was_done() -> None:
    calls = [
        span(1, "Container.from", digest="a", at=(0, 1)),
        span(2, "Container.from", digest="a", at=(2, 3), cached=True),
        span(3, "Container.from", digest="b", at=(4, 5), cached=True),
    ]
    assert [(step.cached, step.seconds) for step in found(*calls)] == [(False, 1.0), (True, 1.0)]


def test_the_time_of_work_inside_of_work_counts_once() -> None:
    outer, inner, other = found(
        span(1, "Container.withExec", digest="a", pending=True, at=(0, 0)),
        span(2, "Directory.withDirectory", digest="b", pending=True, at=(0.1, 0.1)),
        span(3, "Directory.withFile", digest="c", pending=True, at=(0.2, 0.2)),
        span(4, "resume withExec", links=(1,), at=(1, 9)),
        span(5, "not work", parent=4, at=(1, 8)),
        span(6, "resume withDirectory", parent=5, links=(2,), at=(2, 5)),
        span(7, "resume withFile", parent=5, links=(3,), at=(4, 7)),
    )
    assert [step.seconds for step in (outer, inner, other)] == [3.0, 3.0, 3.0]


def test_calls_that_only_describe_are_no_steps() -> None:
    names = ["Container.withLabel", "Query.container", "Container.withMountedFile", "Container.stdout"]
    assert found(*(span(n, name, digest=name) for n, name in enumerate(names, start=1))) == ()


def test_a_step_that_no_stage_asked_for_has_none() -> None:
    (step,) = found(span(1, "Container.from", parent=0xCC, digest="a"))
    assert (step.stage, step.unit) == (None, None)


def test_a_circle_of_parents_ends() -> None:
    assert len(found(span(1, "Container.from", parent=2, digest="a"), span(2, "x", parent=1))) == 1


def test_what_is_no_export_request_is_passed_over() -> None:
    assert read_spans([b"\xff\xff\xff", b""]) == {}

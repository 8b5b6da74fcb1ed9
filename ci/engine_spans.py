"""What the engine's own spans say about its cache.

As Dagger 0.21 records them: each call has a span with the digest of what was asked for. It is marked `cached` if the
result was there, and `pending` if it was put off; then, if it was ever needed, a span `resume …` with a link to the
call did the work.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from pipelines.trace import Step

_DIGEST, _CACHED, _PENDING = "dagger.io/dag.digest", "dagger.io/dag.cached", "dagger.io/dag.pending"

# Commands, copies and pulls. The other calls only describe: labels, variables, mounts, addresses.
_WORK = re.compile(r"\.(withExec|from|with(File|Files|Directory)|__withDirectoryDockerfileCompat)$")


@dataclass(frozen=True, kw_only=True)
class Span:
    """What matters here of one span. Ids as hexadecimal digits, times in nanoseconds."""

    id: str
    parent: str
    name: str
    start: int
    end: int
    digest: str | None
    cached: bool
    pending: bool
    links: tuple[str, ...]


def read_spans(requests: Iterable[bytes]) -> dict[str, Span]:
    """The spans of export requests, by id. A request that is none is passed over: it is no reason to fail a release."""
    spans: dict[str, Span] = {}
    for request in requests:
        try:
            message = ExportTraceServiceRequest.FromString(request)
        except DecodeError:
            continue
        for resource in message.resource_spans:
            for scope in resource.scope_spans:
                for raw in scope.spans:
                    known = {item.key: item.value for item in raw.attributes}
                    spans[raw.span_id.hex()] = Span(
                        id=raw.span_id.hex(),
                        parent=raw.parent_span_id.hex(),
                        name=raw.name,
                        start=raw.start_time_unix_nano,
                        end=raw.end_time_unix_nano,
                        digest=known[_DIGEST].string_value if _DIGEST in known else None,
                        cached=_CACHED in known and known[_CACHED].bool_value,
                        pending=_PENDING in known and known[_PENDING].bool_value,
                        links=tuple(link.span_id.hex() for link in raw.links),
                    )
    return spans


def steps(spans: Mapping[str, Span], stages: Mapping[str, tuple[str, str]]) -> tuple[Step, ...]:
    """The engine's steps, each once, in the order in which they were first asked for.

    One that had to be done for the first who asked was done, whoever else found it there.

    :param stages: id of the span of a stage → the stage and its unit.
    """
    asked: dict[str, list[Span]] = defaultdict(list)
    for span in sorted(spans.values(), key=lambda span: span.start):
        if span.digest and _WORK.search(span.name):
            asked[span.digest].append(span)
    work = _work(spans, asked)
    own = _own_seconds(spans, [span for done in work.values() for span in done])
    found = []
    for digest, calls in asked.items():
        done = work.get(digest, [])
        hits = [] if done else [call for call in calls if call.cached]
        if not done and not hits:
            continue  # Put off, and never needed.
        above = (span.parent for span in _upward(spans, calls[0]) if span.parent in stages)
        stage, unit = stages.get(next(above, ""), (None, None))
        seconds = sum(own[span.id] for span in done) + sum((hit.end - hit.start) / 1e9 for hit in hits)
        found.append(Step(name=calls[0].name, stage=stage, unit=unit, seconds=round(seconds, 4), cached=not done))
    return tuple(found)


def _work(spans: Mapping[str, Span], asked: Mapping[str, list[Span]]) -> dict[str, list[Span]]:
    """Digest of a step → the spans that did it: the call itself, or what resumed it."""
    work: dict[str, list[Span]] = defaultdict(list)
    steps_of = {call.id: digest for digest, calls in asked.items() for call in calls}
    for digest, calls in asked.items():
        work[digest] += [call for call in calls if not call.cached and not call.pending]
    for span in spans.values():
        if span.name.startswith("resume "):
            for digest in {steps_of[link] for link in span.links if link in steps_of}:
                work[digest].append(span)
    return {digest: done for digest, done in work.items() if done}


def _upward(spans: Mapping[str, Span], span: Span) -> Iterator[Span]:
    """The span's ancestors that are known, itself first; the last one's parent is known by its id only."""
    seen: set[str] = set()
    at: Span | None = span
    while at is not None and at.id not in seen:
        seen.add(at.id)
        yield at
        at = spans.get(at.parent)


def _own_seconds(spans: Mapping[str, Span], work: Iterable[Span]) -> dict[str, float]:
    """Id → seconds of each span without the time of other work inside of it."""
    ids = {span.id for span in work}
    inside: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for id_ in ids:
        outer = next((span.id for span in _upward(spans, spans[id_]) if span.id in ids and span.id != id_), None)
        if outer:
            inside[outer].append((spans[id_].start, spans[id_].end))
    own = {}
    for id_ in ids:
        start, end = spans[id_].start, spans[id_].end
        total, until = end - start, start
        for begin, stop in sorted(inside[id_]):
            total -= max(0, min(stop, end) - max(begin, until))
            until = max(until, stop)
        own[id_] = max(0, total) / 1e9
    return own

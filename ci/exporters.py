"""OpenTelemetry's exporters, which read the standard variables by themselves, and who it is that exports.

Each exporter is imported where it is wanted only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, OTELResourceDetector, Resource
from opentelemetry.sdk.trace.export import SpanExporter
from opentelemetry.semconv.attributes.service_attributes import SERVICE_NAME, SERVICE_VERSION

from ci.invocation import sealift_version

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter


def spans(protocol: str) -> SpanExporter:
    """For `http/protobuf` or `grpc`."""
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter

        return GrpcExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter

    return HttpExporter()


def metrics(protocol: str) -> MetricExporter:
    """For `http/protobuf` or `grpc`."""
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcExporter

        return GrpcExporter()
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpExporter

    return HttpExporter()


def resource() -> Resource:
    """`sealift` and its version, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES say otherwise."""
    ours = Resource({SERVICE_NAME: "sealift", SERVICE_VERSION: sealift_version()})
    return Resource.create(dict(ours.merge(OTELResourceDetector().detect()).attributes))


def lasting() -> Resource:
    """The same without the random id of this process: series that begin anew with each run could not be added up."""
    kept = {name: value for name, value in resource().attributes.items() if name != SERVICE_INSTANCE_ID}
    # One that the user gave is kept.
    return Resource(kept).merge(OTELResourceDetector().detect())

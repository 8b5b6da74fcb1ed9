"""How the metrics of a run leave: once, at its end, to the collector that OpenTelemetry's standard variables name."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

from ci import exporters
from ci.invocation import sealift_version
from pipelines.metrics import Metric, Value


def export(values: Sequence[Value], *, protocol: str, context: Context) -> None:
    """Export the values. Takes as long as the exporter tries; what it complains of goes to its logger.

    :param protocol: `http/protobuf` or `grpc`.
    :param context: with the run's span, if that is exported too: values then name the trace that they come from.
    """
    reader = PeriodicExportingMetricReader(exporters.metrics(protocol), export_interval_millis=math.inf)
    provider = MeterProvider([reader], resource=exporters.lasting(), shutdown_on_exit=False)
    record(provider.get_meter("sealift", sealift_version()), values, context)
    provider.force_flush()
    provider.shutdown()


def record(meter: Meter, values: Sequence[Value], context: Context) -> None:
    """Hand the values to instruments of these names."""
    by_metric: dict[Metric, list[Value]] = defaultdict(list)
    for value in values:
        by_metric[value.metric].append(value)
    for metric, of in by_metric.items():
        given = {"name": metric.name, "unit": metric.unit, "description": metric.about}
        if metric.kind == "counter":
            add = meter.create_counter(**given).add
        elif metric.kind == "histogram":
            add = meter.create_histogram(**given, explicit_bucket_boundaries_advisory=metric.bounds).record
        else:
            add = meter.create_gauge(**given).set
        for value in of:
            add(value.value, value.attributes, context)

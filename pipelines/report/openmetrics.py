"""How registries are, as OpenMetrics text (openmetrics.io, 1.0), for a scraper or a textfile collector."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.openmetrics.exposition import generate_latest

from pipelines.status import Goals, RegistryState, checks

_PLACE = ("registry", "prefix")
_IMAGE = (*_PLACE, "service")


class _Gauges:
    """What is exposed. A value that is not known is left out."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.up = self._gauge("sealift_registry_up", "Whether the registry answers.", _PLACE)
        self.latency = self._gauge("sealift_registry_latency_seconds", "Median of a few requests.", _PLACE)
        self.storage = self._gauge("sealift_registry_storage_bytes", "What the registry holds.", (*_PLACE, "measure"))
        self.full = self._gauge("sealift_registry_storage_ratio", "How full its disk or quota is.", _PLACE)
        self.runs = self._gauge("sealift_registry_runs", "The last runs that reached it, at most 20.", _PLACE)
        self.push = self._gauge("sealift_registry_push_success_ratio", "Those that ended published.", _PLACE)
        about_pull = (*_IMAGE, "platform")
        self.pull = self._gauge("sealift_registry_pull_seconds", "Pulling the largest image.", about_pull)
        self.pulled = self._gauge("sealift_registry_pull_bytes", "Bytes of that image.", about_pull)
        self.size = self._gauge("sealift_image_size_bytes", "Compressed, newest release.", (*_IMAGE, "platform"))
        self.bad = self._gauge("sealift_image_vulnerabilities", "Of the worst platform.", (*_IMAGE, "severity"))
        self.scanned = self._gauge("sealift_image_scan_timestamp_seconds", "When it was scanned.", _IMAGE)
        self.signed = self._gauge("sealift_image_signed_ratio", "Index and platforms with a signature.", _IMAGE)
        self.met = self._gauge("sealift_registry_goal_met", "1: met, 0: missed.", (*_IMAGE, "goal"))

    def _gauge(self, name: str, text: str, labels: Sequence[str]) -> Gauge:
        return Gauge(name, text, labels, registry=self.registry)

    def add(self, state: RegistryState, goals: Goals) -> None:
        """One registry."""
        place = (state.target.registry, state.target.prefix)
        self.up.labels(*place).set(state.up)
        if state.latency is not None:
            self.latency.labels(*place).set(state.latency)
        if state.storage is not None:
            self.storage.labels(*place, "disk" if state.on_disk else "blobs").set(state.storage)
        if state.full is not None:
            self.full.labels(*place).set(state.full)
        if state.push_success is not None:
            self.runs.labels(*place).set(state.runs)
            self.push.labels(*place).set(state.push_success)
        if state.pull is not None:
            about = (*place, state.pull.service, state.pull.platform)
            self.pull.labels(*about).set(state.pull.seconds)
            self.pulled.labels(*about).set(state.pull.size)
        self._images(state, place)
        for item in checks(state, goals):
            if item.met is not None:
                self.met.labels(*place, item.service or "", item.name).set(item.met)

    def _images(self, state: RegistryState, place: tuple[str, str]) -> None:
        for item in state.services:
            for platform, size in item.sizes.items():
                self.size.labels(*place, item.service, platform).set(size)
            if item.vulnerabilities is not None:
                for severity in ("CRITICAL", "HIGH", "MEDIUM", "LOW", "UNKNOWN"):
                    count = item.vulnerabilities.get(severity, 0)
                    self.bad.labels(*place, item.service, severity.lower()).set(count)
            if item.scanned is not None:
                self.scanned.labels(*place, item.service).set(item.scanned.timestamp())
            if item.coverage is not None:
                self.signed.labels(*place, item.service).set(item.coverage)


def exposition(states: Sequence[RegistryState], goals: Goals) -> str:
    """The text, with its end mark."""
    gauges = _Gauges()
    for state in states:
        gauges.add(state, goals)
    text: bytes = generate_latest(gauges.registry)  # type: ignore[no-untyped-call]  # it has no signature
    return text.decode()

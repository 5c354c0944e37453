"""What is counted, for Prometheus. Several workers count into files of a common folder."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable by which prometheus_client knows the folder, once imported."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10)


class Metrics:
    """Counters of requests, their items, their seconds, and of models that were reloaded."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "sajeon_requests", "Requests.", ["path", "status"], registry=self._registry
        )
        self._items = Counter(
            "sajeon_items", "Texts or tokens asked for.", ["path"], registry=self._registry
        )
        self._seconds = Histogram(
            "sajeon_request_seconds",
            "Seconds from the header of a request to the end of its answer.",
            ["path"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.in_flight = Gauge(
            "sajeon_requests_in_flight",
            "Requests that are being answered.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self.problems = Gauge(
            "sajeon_models_kept",
            "Models that are not those on disk, since these cannot be opened.",
            multiprocess_mode="livemax",
            registry=self._registry,
        )

    def count(self, path: str, status: int, seconds: float, items: int) -> None:
        """Count a request; `path` is one of few."""
        self._requests.labels(path, status).inc()
        self._seconds.labels(path).observe(seconds)
        if items:
            self._items.labels(path).inc(items)

    def text(self) -> bytes:
        """Return all counts, those of all workers, in Prometheus' text format."""
        registry = self._registry
        if FOLDER in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)

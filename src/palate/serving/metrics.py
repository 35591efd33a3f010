"""What is counted, for Prometheus."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        labels = ["method", "route", "status"]
        self.requests = Counter("palate_requests", "Requests answered.", labels, registry=registry)
        self.seconds = Histogram(
            "palate_request_seconds",
            "Seconds until a request was answered.",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self.shed = Counter(
            "palate_shed", "Requests refused for overload or rate.", ["why"], registry=registry
        )
        self.active = Gauge(
            "palate_requests_active", "Requests that are being worked on.", registry=registry
        )
        self.batch = Histogram(
            "palate_batch_histories",
            "Histories scored in one batch.",
            buckets=SIZES,
            registry=registry,
        )
        self.events = Counter(
            "palate_events", "Events written, by kind.", ["kind"], registry=registry
        )
        self.store = Gauge(
            "palate_store_up", "1 where the store could be read last time.", registry=registry
        )
        self.runs = Gauge(
            "palate_run", "1 for the version that each name stands for.", ["name", "version"],
            registry=registry,
        )  # fmt: skip

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)

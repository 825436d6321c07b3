"""Prometheus metrics of the API. With PROMETHEUS_MULTIPROC_DIR set, one scrape tells of all API processes."""

import os
from collections.abc import Iterable
from functools import cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.metrics_core import GaugeMetricFamily

MEDIA_TYPE = "text/plain; version=1.0.0; charset=utf-8"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})

REGISTRY = CollectorRegistry()
REQUESTS = Counter(
    "ledgerdesk_http_requests_total", "Requests answered.", ["method", "route", "status"], registry=REGISTRY
)
SECONDS = Histogram("ledgerdesk_http_seconds", "Time to answer, by route.", ["method", "route"], registry=REGISTRY)
COMMANDS = Counter(
    "ledgerdesk_commands_total", "Commands by what became of them.", ["command", "verdict"], registry=REGISTRY
)


@cache
def _children(method: str, route: str, status: int) -> tuple[Any, Any]:
    return REQUESTS.labels(method, route, str(status)), SECONDS.labels(method, route)


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """A request was answered."""
    # A caller can make up methods without end; routes and statuses are ours.
    answered, took = _children(method if method in METHODS else "other", route, status)
    answered.inc()
    took.observe(seconds)


@cache
def command(name: str, verdict: str) -> Any:
    """The counter of commands of that name that ended so."""
    return COMMANDS.labels(name, verdict)


class _Gauges:
    """Measured when asked for."""

    def __init__(self, gauges: Iterable[GaugeMetricFamily]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self._gauges


def exposition(gauges: Iterable[GaugeMetricFamily]) -> bytes:
    """All metrics as Prometheus reads them."""
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REGISTRY)
    registry.register(_Gauges(gauges))
    return generate_latest(registry)

"""Prometheus metrics of the API. With PROMETHEUS_MULTIPROC_DIR set, one scrape tells of all API processes."""

import asyncio
import os
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import prometheus_client
from prometheus_client import CollectorRegistry, Histogram, generate_latest, multiprocess
from prometheus_client.metrics_core import GaugeMetricFamily

MEDIA_TYPE = "text/plain; version=1.0.0; charset=utf-8"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})

REGISTRY = CollectorRegistry()
REQUESTS = prometheus_client.Counter(
    "ledgerdesk_http_requests_total", "Requests answered.", ["method", "route", "status"], registry=REGISTRY
)
SECONDS = Histogram("ledgerdesk_http_seconds", "Time to answer, by route.", ["method", "route"], registry=REGISTRY)
COMMANDS = prometheus_client.Counter(
    "ledgerdesk_commands_total", "Commands by what became of them.", ["command", "verdict"], registry=REGISTRY
)


# So often, in seconds, what was counted is told to prometheus_client, which takes locks and shared memory for each number.
TOGETHER = 0.25

_took: defaultdict[tuple[str, str, int], list[float]] = defaultdict(list)
_became: Counter[tuple[str, str]] = Counter()
_telling: asyncio.TimerHandle | None = None


def observe(method: str, route: str, status: int, seconds: float) -> None:
    """A request was answered."""
    # A caller can make up methods without end; routes and statuses are ours.
    _took[method if method in METHODS else "other", route, status].append(seconds)
    _tell_soon()


def command(name: str, verdict: str) -> None:
    """A command of that name ended so."""
    _became[name, verdict] += 1
    _tell_soon()


def tell() -> None:
    """Tell what was counted since last time."""
    global _telling  # noqa: PLW0603 - counters are the process's own
    if _telling is not None:
        _telling.cancel()
        _telling = None
    for (method, route, status), times in _took.items():
        REQUESTS.labels(method, route, str(status)).inc(len(times))
        _add(SECONDS.labels(method, route), times)
    for named, count in _became.items():
        COMMANDS.labels(*named).inc(count)
    _took.clear()
    _became.clear()


def _tell_soon() -> None:
    global _telling  # noqa: PLW0603
    if _telling is None:
        _telling = asyncio.get_running_loop().call_later(TOGETHER, tell)


def _add(histogram: Any, times: Sequence[float]) -> None:
    # As its `observe` does, but once for all: the library has no call for that.
    histogram._sum.inc(sum(times))
    places = Counter(bisect_left(histogram._upper_bounds, seconds) for seconds in times)
    for place, count in places.items():
        histogram._buckets[place].inc(count)


class _Gauges:
    """Measured when asked for."""

    def __init__(self, gauges: Iterable[GaugeMetricFamily]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self._gauges


def exposition(gauges: Iterable[GaugeMetricFamily]) -> bytes:
    """All metrics as Prometheus reads them."""
    tell()
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(REGISTRY)
    registry.register(_Gauges(gauges))
    return generate_latest(registry)

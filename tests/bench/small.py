"""Measurements from the command line to their figures, each on a desk so small that the figure says nothing."""

import json
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from bench.app import Name, app
from cli.cluster import Cluster


def as_before() -> None:
    """Instead of what a process does for good: that of the tests has others to run."""


# Of `append`, which others have for their floor.
APPENDED = {
    "append.settled": as_before,
    "append.CALLERS": 4,
    "append.CONNECTIONS": 2,
    "append.TICKETS": 8,
    "append.STOCK_SAVES": 4,
    "append.COMMITS": 8,
    "append.PGBENCH_SECONDS": 1,
    "append.ROUNDS": 1,
}
ONE_WORKER = {"services.WORKERS": 1}
# Beside the other tests with Kafka (tests/kafka), so that one broker is started for all.
WITH_KAFKA = (Name.STREAM, Name.SCALE)
SMALL: dict[str, dict[str, Any]] = {
    "append": APPENDED,
    "writes": {
        "writes.settled": as_before,
        "append.CALLERS": 4,
        "writes.MANY": 40,
        "writes.FEW": 10,
        "writes.WRITES": 8,
        "writes.ROUNDS": 1,
    },
    "http": {**ONE_WORKER, "http.CONNECTIONS": 2, "http.REQUESTS": 4, "http.ROUNDS": 1},
    "rebuild": {"rebuild.EVENTS": 60, "rebuild.STOCK_EVENTS": 60, "append.CALLERS": 4},
    "lag": {"lag.RATE": 10, "lag.WARM_UP": 0, "lag.SECONDS": 1},
    "history": {"history.EVENTS": 12, "history.READS": 2},
    "list": {"list.MANY": 300, "list.FEW": 100, "list.ROUNDS": 2},
    "search": {"search.LARGE": 300, "search.SMALL": 100, "search.ROUNDS": 2},
    "bulk": {**APPENDED, "bulk.TICKETS": 20, "bulk.ROUNDS": 1},
    "reply": {**ONE_WORKER, "reply.CONNECTIONS": 2, "reply.TICKETS": 3, "reply.REQUESTS": 4, "reply.ROUNDS": 1},
    "rules": {"rules.TICKETS": 5, "rules.ACTIVE": 5, "rules.MANY": 10, "rules.TAGS": 5, "rules.PURE": 25},
    "backtest": {"backtest.EVENTS": 60},
    "desk": {
        **ONE_WORKER,
        "day.TICKETS": 100,
        "day.CONNECTIONS": 2,
        "day.REQUESTS": dict.fromkeys(("create", "reply", "list", "search", "history", "bare"), 4),
        "day.ALONE": 2,
        "day.TEAMS": 2,
        "day.ENTRIES": 6,
    },
    "timers": {
        "timers.settled": as_before,
        "timers.PENDING": 30,
        "timers.DUE": 20,
        "timers.firing.MOST": 2,
        "timers.RATE": 50,
        "timers.SECONDS": 1,
        "timers.AHEAD": timedelta(seconds=0.2),
    },
    "stream": {"stream.TICKETS": 3, "stream.REPLIES": 2, "stream.ROUNDS": 1},
    "scale": {"scale.EVENTS": 60},
}


def measured(name: Name, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes to a figure and to its floors, on a scratch database of the server."""
    monkeypatch.setenv("DATABASE_URL", cluster.url())
    for constant, size in SMALL[name].items():
        monkeypatch.setattr(f"bench.{constant}", size)
    said = json.loads(CliRunner().invoke(app, [name, "--json"], catch_exceptions=False).stdout)
    assert said["name"] == name
    assert all(figure > 0 for figure in (said["value"], *said["floors"].values())), said

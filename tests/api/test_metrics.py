"""What was answered is counted here, and told together."""

import asyncio

import pytest

from api import metrics


@pytest.fixture(autouse=True)
def nothing_untold():
    metrics.tell()


def _told(name, **labels):
    return metrics.REGISTRY.get_sample_value(name, labels) or 0


async def test_each_request_is_told_once_with_its_time():
    on = {"method": "GET", "route": "/counted"}
    for seconds in (0.004, 0.005, 0.2, 99.0):
        metrics.observe("GET", "/counted", 200, seconds)
    assert not _told("ledgerdesk_http_requests_total", status="200", **on)
    metrics.tell()
    metrics.tell()
    assert _told("ledgerdesk_http_requests_total", status="200", **on) == 4
    assert _told("ledgerdesk_http_seconds_count", **on) == 4
    assert _told("ledgerdesk_http_seconds_sum", **on) == pytest.approx(99.209)
    for bound, seen in (("0.005", 2), ("0.1", 2), ("0.25", 3), ("10.0", 3), ("+Inf", 4)):
        assert _told("ledgerdesk_http_seconds_bucket", le=bound, **on) == seen


async def test_it_is_told_before_it_is_asked_for():
    metrics.command("CountIt", "done")
    assert b'ledgerdesk_commands_total{command="CountIt",verdict="done"} 1.0' in metrics.exposition([])


async def test_it_is_told_soon_also_if_nobody_asks(monkeypatch):
    told = asyncio.Event()
    tell = metrics.tell
    monkeypatch.setattr(metrics, "TOGETHER", 0)
    monkeypatch.setattr(metrics, "tell", lambda: (tell(), told.set()))
    metrics.command("TellIt", "done")
    await asyncio.wait_for(told.wait(), 5)
    assert _told("ledgerdesk_commands_total", command="TellIt", verdict="done") == 1

"""The floor of the measurement of rebuilds keeps the list as it is now."""

from bench import rebuild


def test_the_stock_runner_keeps_the_same_table(empty_database_url, monkeypatch):
    monkeypatch.setattr(rebuild, "STOCK_EVENTS", 60)
    assert rebuild.stock(empty_database_url) > 0

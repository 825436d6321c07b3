"""The measurements with Kafka still run, as the others do in tests/bench."""

import pytest

from tests.bench.small import WITH_KAFKA, measured


@pytest.mark.parametrize("name", WITH_KAFKA)
def test_it_comes_to_a_figure(name, kafka, cluster, monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka)
    measured(name, cluster, monkeypatch)

"""A broker that is away for long costs a worker nothing: no thread and no socket is left of a client that could not be made."""

import logging
import threading
from contextlib import suppress
from typing import Any

import psutil
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from cli.broker.server import free_port
from processors.stream.clients import connected


@pytest.mark.parametrize("kind", [KafkaAdminClient, KafkaConsumer, KafkaProducer])
def test_a_client_that_finds_no_broker_leaves_nothing_behind(kind: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    nobody, process = f"127.0.0.1:{free_port()}", psutil.Process()

    def fails() -> tuple[int, int]:
        # Whoever keeps the error, as `pytest.raises` does, keeps what it was raised from.
        with suppress(KafkaError):
            connected(kind, bootstrap_servers=[nobody], bootstrap_timeout_ms=50, reconnect_backoff_ms=10)
            pytest.fail("somebody is there")
        return process.num_fds(), threading.active_count()

    first = fails()
    assert [fails() for _ in range(5)] == [first] * 5

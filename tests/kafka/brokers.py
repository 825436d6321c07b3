"""A real Apache Kafka for every test that asks for one: `kafka` is shared, `make_broker` makes one to kill.

The fixtures are named in `tests/conftest.py`, so every folder of tests has them. A shared broker is started when the first test
asks (about four seconds; fifteen the first time ever, for the jars). Topics are not made by themselves: see `tests/kafka/kit.py`.
One that nobody needs any more is ended: with nothing to do it still takes a thirtieth of a processor.
"""

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from cli.broker.server import Broker

BrokerFactory = Callable[..., "Broker"]

# For one to kill: it is back within seconds. One that a busy machine keeps waiting for so long is cut off from its controller, and
# may then lose the marks of transactions (`processors/stream/marks.py`), so the shared one, which is never killed, has its time.
BACK_SOON = {"broker.session.timeout.ms": "1000", "broker.heartbeat.interval.ms": "200"}
PATIENT = {"broker.session.timeout.ms": "60000"}


# What lives for a test or two is not worth the time of the second compiler: a start takes 3.7 s of a processor instead of 6.2.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")


@contextmanager
def brokers() -> Iterator[BrokerFactory]:
    """Makes brokers, started, and ends them all; given `settings` and `security` one that demands more."""
    from cli.broker.jars import lacking
    from cli.broker.server import Broker

    if why := lacking():
        warnings.warn(pytest.PytestWarning(f"Tests with Kafka were SKIPPED: {why}"), stacklevel=1)
        pytest.skip(why)
    made: list[Broker] = []
    folder = Path(tempfile.mkdtemp(prefix="ledgerdesk-kafka-"))

    def make(settings: dict[str, str] | None = None, security: dict[str, object] | None = None) -> Broker:
        made.append(Broker(folder / f"kafka{len(made)}", settings))
        made[-1].start(security)
        return made[-1]

    try:
        yield make
    finally:
        for broker in made:
            broker.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def make_broker() -> Iterator[BrokerFactory]:
    """Brokers of a test's own, to stop, hang or kill."""
    with brokers() as make:
        yield make


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap servers that this test process shares among its tests: KAFKA_BOOTSTRAP_SERVERS, or a broker of ours."""
    if named := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield named
        return
    with brokers() as make:
        yield make(PATIENT).servers

"""A real Apache Kafka for every test that asks for one: `kafka` is shared, `make_broker` makes one to kill.

The fixtures are named in `tests/conftest.py`, so every folder of tests has them. A shared broker is started when the first test
asks (about four seconds; fifteen the first time ever, for the jars). Topics are not made by themselves: see `tests/kafka/kit.py`.
"""

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
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


@pytest.fixture(scope="session")
def make_broker() -> Iterator[BrokerFactory]:
    """Brokers of one's own, to stop, hang or kill; started. `make_broker(settings, security)` makes one that demands more."""
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

    yield make
    for broker in made:
        broker.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> str:
    """Bootstrap servers that this test process shares among its tests: KAFKA_BOOTSTRAP_SERVERS, or a broker of ours."""
    named = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    return named or request.getfixturevalue("make_broker")(PATIENT).servers

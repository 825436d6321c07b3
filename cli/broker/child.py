"""The broker as one of the processes that `ledgerdesk up --kafka` keeps alive."""

import signal
import sys
from functools import partial

from cli.broker.jars import jars, lacking
from cli.broker.server import Broker, free_port
from cli.supervisor import Child, say
from eventstore.settings import Settings

USUAL_PORT = 9092


def own_broker(settings: Settings) -> Broker:
    """The broker of the data folder, at the usual port where that is free; NoKafka where there can be none."""
    if lacking() is None:
        say("Kafka: looking for its jars; Maven brings them the first time.")
    jars()
    return Broker(settings.writable_data() / "kafka", port=free_port(USUAL_PORT))


def broker_child(broker: Broker) -> Child:
    """The process that runs it."""
    return Child("kafka", partial(_run, broker))


def _run(broker: Broker) -> None:
    process = broker.spawn()
    # The supervisor, or its end, tells us; the broker is a process that only we know of.
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    sys.exit(abs(process.wait()))

"""A worker that shares read models and processes with others (`python -m tests.kafka.sharing URL SERVERS TOPICS`), to be killed."""

import subprocess
import sys
import threading
from functools import partial

from cli.worker import keeper
from eventstore.keyring import Keyring
from eventstore.newest import following
from processors import runner
from processors.stream.settings import KafkaSettings
from projections.models import READ_MODELS
from tests.desks import MASTER
from tests.kafka.publishing import ROOT, settings_of

SHARED = tuple(model for model in READ_MODELS if model.PARTITIONED)


def sharing(url: str, settings: KafkaSettings) -> subprocess.Popen[bytes]:
    """The process."""
    command = [sys.executable, "-m", "tests.kafka.sharing", url, settings.servers, settings.kafka_topics]
    return subprocess.Popen(command, cwd=ROOT)


def main(url: str, servers: str, topics: str) -> None:
    """Keep what may be shared, and run all processes, until killed."""
    settings, stop, keyring = settings_of(servers, kafka_topics=topics), threading.Event(), Keyring(MASTER)
    with following(url, stop) as newest:
        work = [keeper(url, keyring, model, stop, newest, settings).run for model in SHARED]
        work.append(partial(runner.run_along, newest, url, keyring, stop, kafka=settings))
        threads = [threading.Thread(target=each) for each in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])

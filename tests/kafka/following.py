"""Read models that follow the log while a test runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from eventstore.keyring import Keyring
from eventstore.newest import following
from projections.read_model import ReadModel
from projections.runner import Runner
from tests.desks import MASTER


@contextmanager
def built(url: str, *models: ReadModel) -> Iterator[None]:
    """They are built, and follow."""
    stop = threading.Event()
    with following(url, stop) as newest:
        runners = [Runner(url, Keyring(MASTER), model, stop, newest) for model in models]
        threads = [threading.Thread(target=runner.run) for runner in runners]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

"""Read models that follow the log while a test runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from eventstore.keyring import Keyring
from eventstore.newest import following
from projections.read_model import ReadModel
from projections.runner import Runner
from tests.desks import MASTER
from tests.threads import working


@contextmanager
def built(url: str, *models: ReadModel) -> Iterator[None]:
    """They are built, and follow."""
    stop = threading.Event()
    with following(url, stop) as newest:
        runners = [Runner(url, Keyring(MASTER), model, stop, newest) for model in models]
        with working(stop, [runner.run for runner in runners]):
            yield

"""What everything that runs process managers works with."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from eventstore.desk import Clock
from eventstore.keyring import Keyring
from eventstore.newest import Newest

Moved = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Given:
    """The database with its keys, the newest stretch of the log, the time, and when to stop."""

    url: str
    keyring: Keyring
    stop: threading.Event
    clock: Clock
    newest: Newest

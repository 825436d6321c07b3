"""Something between a client and a broker that lets the end of a transaction get lost, on its way there or on its way back."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum

# Keys of the protocol: https://kafka.apache.org/protocol
INIT_PRODUCER, END_TRANSACTION = 22, 26
_SIZE = struct.Struct("!i")
_REQUEST = struct.Struct("!hhi")


class Lost(Enum):
    """What gets lost."""

    REQUEST = "the broker never hears of it"
    ANSWER = "the client never hears that it was done"


class Between:
    """Passes on what both say; from `lose` on no end of a transaction, or no answer to one, until another producer begins."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.broker = 0
        self._losing: Lost | None = None
        self._open: list[socket.socket] = [self._listening]
        # Whether something got lost.
        self.lost = threading.Event()

    def lose(self, what: Lost) -> None:
        """From now on."""
        self._losing = what

    @property
    def losing(self) -> bool:
        """Whether something is to get lost, and has not yet."""
        return self._losing is not None and not self.lost.is_set()

    def serve(self) -> None:
        """Take clients until closed."""
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                there = socket.create_connection(("127.0.0.1", self.broker))
                self._open += [client, there]
                unanswered: set[int] = set()
                for way in (self._there, self._back):
                    threading.Thread(target=way, args=(client, there, unanswered), daemon=True).start()

    def close(self) -> None:
        """Of all clients."""
        for each in self._open:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _there(self, client: socket.socket, there: socket.socket, unanswered: set[int]) -> None:
        for frame in _frames(client, there):
            key, _, correlation = _REQUEST.unpack_from(frame)
            if key == INIT_PRODUCER and self.lost.is_set():
                self._losing = None
            if key == END_TRANSACTION and self._losing is not None:
                unanswered.add(correlation)
                if self._losing is Lost.REQUEST:
                    self.lost.set()
                    continue
            with suppress(OSError):
                there.sendall(_SIZE.pack(len(frame)) + frame)

    def _back(self, client: socket.socket, there: socket.socket, unanswered: set[int]) -> None:
        for frame in _frames(there, client):
            if _SIZE.unpack_from(frame)[0] in unanswered:
                self.lost.set()
                continue
            with suppress(OSError):
                client.sendall(_SIZE.pack(len(frame)) + frame)


@contextmanager
def between() -> Iterator[Between]:
    """It serves, once it is told where the broker is."""
    found = Between()
    thread = threading.Thread(target=found.serve)
    thread.start()
    try:
        yield found
    finally:
        found.close()
        thread.join()


def _frames(source: socket.socket, other: socket.socket) -> Iterator[bytes]:
    """What comes, piece by piece; when one side has gone, so has the other."""
    with suppress(OSError), source.makefile("rb") as read:
        while len(size := read.read(_SIZE.size)) == _SIZE.size:
            yield read.read(_SIZE.unpack(size)[0])
    with suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)

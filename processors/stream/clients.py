"""Clients of kafka-python that leave nothing behind where they could not be made.

The library connects while it makes one. Where that fails, the thread and the sockets that it has begun with would stay for as long
as the process does: an hour without a broker would use up what a worker may open.
"""

import gc
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from kafka.net.compat import KafkaNetClient

C = TypeVar("C")


def connected(kind: Callable[..., C], **asked: Any) -> C:
    """A client of that kind, or the KafkaError that it failed with."""
    begun: list[Any] = []

    def begin(**config: Any) -> Any:
        begun.append(KafkaNetClient(**config))
        return begun[-1]

    try:
        return kind(kafka_client=begin, **asked)
    except BaseException:
        for each in begun:
            with suppress(Exception):
                each.close()
        # Sockets that were connecting are in a ring of coroutines: the next full collection may be hours away.
        gc.collect()
        raise

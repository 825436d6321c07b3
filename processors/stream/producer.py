"""Transactions on Kafka that end by a deadline. After any failure the producer is thrown away: the outcome is read back."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.producer.future import FutureProduceResult
from kafka.producer.producer_batch import ProducerBatch
from kafka.record.memory_records import MemoryRecordsBuilder

from domain.errors import LedgerdeskError
from processors.stream.batch import Message, partition_of, records
from processors.stream.clients import connected
from processors.stream.settings import KafkaSettings

# What a broker takes in one batch is a million bytes unless it was told otherwise; our topics take eight.
BATCH_BYTES = 900_000
REQUEST_BYTES = 8 << 20


class StreamBroken(LedgerdeskError):
    """A transaction did not end as it should; whether it was committed must be read back."""

    code = "stream_broken"
    sentence = "Kafka did not take what was published ({reason}). It is tried again."


class Producer:
    """One transactional producer, fencing all earlier ones of its name. Every call returns or raises by the deadline.

    Beside `send`, kafka-python has no way to take a batch as a whole, and none to give up a commit: both are done here, on its inner
    parts, and only here. The lock file pins the version; `tests/kafka/test_publisher.py` says what must hold.
    """

    def __init__(self, settings: KafkaSettings, transactional_id: str) -> None:
        self._deadline, milliseconds = settings.kafka_deadline, settings.milliseconds
        self._kafka: Any = connected(
            KafkaProducer,
            transactional_id=transactional_id,
            transaction_timeout_ms=2 * milliseconds,
            delivery_timeout_ms=milliseconds,
            request_timeout_ms=milliseconds // 2,
            max_block_ms=milliseconds,
            bootstrap_timeout_ms=milliseconds,
            max_request_size=REQUEST_BYTES,
            retry_backoff_ms=10,
            metrics_enabled=False,
            **settings.client(),
        )

    def begin(self) -> None:
        """Fence the others and end what they left open. What they committed can be read from now on, and nothing more will come."""
        self._kafka.init_transactions()

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has."""
        return len(self._kafka.partitions_for(topic))

    def publish(self, messages: Iterable[tuple[str, Sequence[Message]]]) -> None:
        """All messages of the topics in one transaction, or StreamBroken."""
        self._transaction(lambda: [future for topic, each in messages for future in self._send(topic, each)])

    def mark(self, partitions: Collection[TopicPartition]) -> None:
        """A transaction of no messages: what this producer committed in those partitions and has no mark has one then."""

        def add() -> list[FutureProduceResult]:
            for each in partitions:
                self._kafka._transaction_manager.maybe_add_partition_to_transaction(each)
            return []

        self._transaction(add)

    def discard(self) -> None:
        """Let go without waiting for anything."""
        with contextlib.suppress(Exception):
            self._kafka._unregister_cleanup()
            self._kafka._sender.force_close()
            self._kafka._sender.wakeup()
            self._kafka._sender.join(1.0)
            self._kafka._closed = True

    def _transaction(self, send: Callable[[], list[FutureProduceResult]]) -> None:
        until = time.monotonic() + self._deadline
        try:
            self._kafka.begin_transaction()
            sent = send()
            self._commit(until)
        except KafkaError as error:
            raise StreamBroken(reason=type(error).__name__) from error
        if not all(map(_taken, sent)):
            raise StreamBroken(reason="a batch was not taken")

    def _send(self, topic: str, messages: Sequence[Message]) -> list[FutureProduceResult]:
        partitions, batches = self.partitions(topic), defaultdict[int, list[Message]](list)
        for each in messages:
            batches[partition_of(each.key, partitions)].append(each)
        sent = [
            self._append(TopicPartition(topic, number), part)
            for number, all_ in batches.items()
            for part in _parts(all_)
        ]
        self._kafka._sender.wakeup()
        return sent

    def _append(self, where: TopicPartition, messages: Sequence[Message]) -> FutureProduceResult:
        self._kafka._transaction_manager.maybe_add_partition_to_transaction(where)
        accumulator = self._kafka._accumulator
        batch = ProducerBatch(where, _batch(messages))
        with accumulator._tp_lock(where):
            accumulator._batches[where].append(batch)
            accumulator._incomplete.add(batch)
        return batch.produce_future

    def _commit(self, until: float) -> None:
        result = self._kafka._transaction_manager.begin_commit()
        self._kafka._sender.wakeup()
        if not result.wait(timeout_ms=max(0.0, until - time.monotonic()) * 1000):
            raise KafkaTimeoutError("the commit was not answered")


def _parts(messages: Sequence[Message]) -> Iterable[Sequence[Message]]:
    """Stretches that a broker takes as one batch each."""
    start = size = 0
    for end, each in enumerate(messages):
        if size + len(each.tail) > BATCH_BYTES and end > start:
            yield messages[start:end]
            start, size = end, 0
        size += len(each.tail) + 16
    yield messages[start:]


def _batch(messages: Sequence[Message]) -> MemoryRecordsBuilder:
    filled = MemoryRecordsBuilder(magic=2, compression_type=0, batch_size=BATCH_BYTES)
    inner = filled._builder
    inner._buffer.extend(records(messages))
    inner._num_records, inner._last_offset = len(messages), len(messages) - 1
    inner._first_timestamp = inner._max_timestamp = int(time.time() * 1000)
    filled._next_offset = len(messages)
    return filled


def _taken(sent: FutureProduceResult) -> bool:
    return bool(sent.is_done and not sent.failed() and sent.value[2] is None)

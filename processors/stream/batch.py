"""Messages as Kafka keeps them, encoded a batch at a time: `KafkaProducer.send` spends longer on twelve headers than all else takes."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from kafka.partitioner.default import murmur2


class Message(NamedTuple):
    """A message without its place in a batch. `tail`: key, value and headers in the record format of Kafka."""

    key: bytes
    tail: bytes


def message(key: bytes, value: bytes | None, headers: Iterable[bytes]) -> Message:
    """A message of headers that `header` made; without a value, a tombstone."""
    parts = [*headers]
    sized = b"\x01" if value is None else varint(len(value)) + value
    return Message(key, b"".join((varint(len(key)), key, sized, varint(len(parts)), *parts)))


def header(name: str) -> bytes:
    """The beginning of a header; its value follows by `varint(len(value)) + value`."""
    raw = name.encode()
    return varint(len(raw)) + raw


def varint(number: int) -> bytes:
    """A number that is not negative, in Kafka's zigzag encoding."""
    return _SMALL[number] if number < len(_SMALL) else _varint(number)


def _varint(number: int) -> bytes:
    rest, out = number << 1, bytearray()
    while rest > 0x7F:
        out.append(0x80 | (rest & 0x7F))
        rest >>= 7
    out.append(rest)
    return bytes(out)


_SMALL = [_varint(number) for number in range(8192)]


def records(messages: Sequence[Message]) -> bytes:
    """The body of a batch of those messages, all of one moment."""
    out: list[bytes] = []
    for offset, each in enumerate(messages):
        # Attributes, and no time after the batch's own.
        body = b"\x00\x00" + varint(offset) + each.tail
        out += (varint(len(body)), body)
    return b"".join(out)


@lru_cache(maxsize=100_000)
def partition_of(key: bytes, partitions: int) -> int:
    """Where every client of Kafka puts that key by default."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions

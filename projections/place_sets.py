"""Sets of places: in memory a number whose bits are set, in the database chunks of it, short where few are in them.

A place is a small number that a ticket has within its desk; a million of them are a number of 125 kB, and what two sets
have in common is one operation.
"""

import struct
from collections.abc import Collection, Iterable, Sequence
from itertools import compress

# Places of a chunk: as bits it just fits into a row that PostgreSQL does not put elsewhere.
CHUNK = 8192
_BYTES = CHUNK // 8
# Up to so many are written one by one, in two bytes each.
_FEW = 64


def changed(kept: bytes, more: Collection[int], fewer: Collection[int]) -> bytes:
    """The chunk with these in it and without those, by their places in it. The same set is always the same bytes."""
    if len(kept) < _BYTES:
        found = set(_listed(kept)).difference(fewer).union(more)
        if len(found) <= _FEW:
            return struct.pack(f"<{len(found)}H", *sorted(found))
        return bytes(_marked(bytearray(_BYTES), found))
    bits = _marked(bytearray(kept), more)
    for place in fewer:
        bits[place >> 3] &= ~(1 << (place & 7))
    left = int.from_bytes(bits, "little")
    return struct.pack(f"<{left.bit_count()}H", *places(left)) if left.bit_count() <= _FEW else bytes(bits)


def joined(chunks: Sequence[tuple[int, bytes]]) -> int:
    """The set that was kept in numbered chunks."""
    bits = bytearray((max((number for number, _ in chunks), default=-1) + 1) * _BYTES)
    for number, kept in chunks:
        begin = number * _BYTES
        if len(kept) == _BYTES:
            bits[begin : begin + _BYTES] = kept
        else:
            for place in _listed(kept):
                bits[begin + (place >> 3)] |= 1 << (place & 7)
    return int.from_bytes(bits, "little")


def of_places(found: Iterable[int]) -> int:
    """The set of these places."""
    sorted_ = sorted(found)
    return int.from_bytes(_marked(bytearray((sorted_[-1] >> 3) + 1), sorted_), "little") if sorted_ else 0


def places(found: int) -> list[int]:
    """What is in the set, the lowest first."""
    count = -(-found.bit_length() // 64)
    words = struct.unpack(f"<{count}Q", found.to_bytes(count * 8, "little"))
    result: list[int] = []
    for number in compress(range(count), words):
        left = words[number]
        while left:
            low = left & -left
            result.append(number * 64 + low.bit_length() - 1)
            left ^= low
    return result


def as_bytes(found: int) -> bytes:
    """The set as PostgreSQL's get_bit reads it."""
    return found.to_bytes((found.bit_length() + 7) // 8, "little")


def reach(found: int, everything: int, count: int, *, highest: bool) -> int:
    """How many of everything have to be looked at, from one end of the places, until `count` of the set were seen."""
    count = min(count, found.bit_count())
    place = _nth(found, found.bit_count() - count + 1 if highest else count)
    return (everything >> place if highest else everything & ((2 << place) - 1)).bit_count()


def _nth(found: int, nth: int) -> int:
    """The nth lowest place, by halving."""
    place, size = 0, found.bit_length()
    while size > 1:
        half = size // 2
        low = found & ((1 << half) - 1)
        if (count := low.bit_count()) >= nth:
            found, size = low, half
        else:
            found, nth, place, size = found >> half, nth - count, place + half, size - half
    return place


def _listed(kept: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(kept) // 2}H", kept)


def _marked(bits: bytearray, more: Iterable[int]) -> bytearray:
    for place in more:
        bits[place >> 3] |= 1 << (place & 7)
    return bits

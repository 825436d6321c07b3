"""Sets of places: few as a list, many as a number whose bits are set; in the database chunks, short where few are in them.

A place is a small number that a ticket has within its desk; a million of them are a number of 125 kB, and what two sets
have in common is one operation.
"""

import struct
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property, reduce
from itertools import compress
from operator import or_
from typing import Final

# Places of a chunk: as bits it just fits into a row that PostgreSQL does not put elsewhere.
CHUNK = 8192
_BYTES = CHUNK // 8
# Up to so many are written one by one, in two bytes each.
_FEW = 64
# Up to so many of a set are listed: to look each up in another set takes less than to join, count and list that many bits.
LISTED = 4_096


class Places:
    """A set of places that never changes. It is known by its list, by its bits, or by both."""

    def __init__(self, listed: Sequence[int] | None = None, bits: int | None = None) -> None:
        if listed is not None:
            self.listed = listed
        if bits is not None:
            self.bits = bits
        self._few: Final = listed is not None and len(listed) <= LISTED

    @cached_property
    def listed(self) -> Sequence[int]:
        """What is in the set, the lowest first."""
        return _listed_bits(self.bits)

    @cached_property
    def bits(self) -> int:
        """The set as a number."""
        return int.from_bytes(self.written, "little")

    @cached_property
    def written(self) -> bytes:
        """The set as PostgreSQL's get_bit reads it."""
        if "bits" in self.__dict__:
            return self.bits.to_bytes((self.bits.bit_length() + 7) // 8, "little")
        return bytes(_marked(bytearray((self.listed[-1] >> 3) + 1), self.listed)) if self.listed else b""

    @cached_property
    def count(self) -> int:
        """How many there are."""
        return len(self.listed) if "listed" in self.__dict__ else self.bits.bit_count()

    @property
    def size(self) -> int:
        """Bytes that it takes: a list, or bits both ways."""
        return 4 * len(self.listed) if self._few else self.bits.bit_length() // 4

    def __bool__(self) -> bool:
        return bool(self.listed if self._few else self.bits)

    def __and__(self, other: "Places") -> "Places":
        if not (self and other):
            return NOTHING
        if self._few or other._few:
            few, others = (self, other) if self._few else (other, self)
            return Places(others.among(few.listed))
        return Places(bits=self.bits & other.bits)

    def __or__(self, other: "Places") -> "Places":
        if not (self and other):
            return self or other
        if self._few and other._few:
            return Places(sorted({*self.listed, *other.listed}))
        return Places(bits=self.bits | other.bits)

    def __sub__(self, other: "Places") -> "Places":
        if not other:
            return self
        if self._few:
            gone = set(other.among(self.listed))
            return Places([place for place in self.listed if place not in gone])
        return Places(bits=self.bits & ~other.bits)

    def among(self, places: Sequence[int]) -> Sequence[int]:
        """Those of the places that are in the set."""
        if self._few:
            own = set(self.listed)
            return [place for place in places if place in own]
        written = self.written
        end = len(written) * 8
        if places and places[-1] >= end:
            places = places[: bisect_left(places, end)]
        return [place for place in places if written[place >> 3] >> (place & 7) & 1]

    def of_chunk(self, number: int) -> Sequence[int]:
        """What is in a chunk of the set."""
        begin = number * CHUNK
        if self.count <= LISTED:
            return self.listed[bisect_left(self.listed, begin) : bisect_left(self.listed, begin + CHUNK)]
        part = self.written[begin // 8 : begin // 8 + _BYTES]
        return [begin + place for place in _listed_bits(int.from_bytes(part, "little"))]

    def reach(self, everything: "Places", wanted: int, *, highest: bool) -> int:
        """How many of everything have to be looked at, from one end of the places, until so many of the set were seen."""
        wanted = min(wanted, self.count)
        place = self._nth(self.count - wanted if highest else wanted - 1) if wanted else 0
        bits = everything.bits
        return (bits >> place if highest else bits & ((2 << place) - 1)).bit_count()

    def _nth(self, nth: int) -> int:
        """The place above so many others."""
        return self.listed[nth] if self._few else _nth(self.bits, nth + 1)


def union(sets: Iterable[Places]) -> Places:
    """What is in any of the sets."""
    return reduce(or_, sets, NOTHING)


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
    return struct.pack(f"<{left.bit_count()}H", *_listed_bits(left)) if left.bit_count() <= _FEW else bytes(bits)


def joined(chunks: Iterable[tuple[int, bytes]]) -> Places:
    """The set that was kept in numbered chunks."""
    ordered = sorted(chunks)
    if sum(len(kept) for _, kept in ordered) <= LISTED * 2 and all(len(kept) < _BYTES for _, kept in ordered):
        return Places(array("i", [number * CHUNK + place for number, kept in ordered for place in _listed(kept)]))
    bits = bytearray((ordered[-1][0] + 1) * _BYTES if ordered else 0)
    for number, kept in ordered:
        begin = number * _BYTES
        if len(kept) == _BYTES:
            bits[begin : begin + _BYTES] = kept
        else:
            for place in _listed(kept):
                bits[begin + (place >> 3)] |= 1 << (place & 7)
    return Places(bits=int.from_bytes(bits, "little"))


def of_places(found: Iterable[int]) -> Places:
    """The set of these places."""
    return Places(sorted(found))


def _listed_bits(bits: int) -> list[int]:
    count = -(-bits.bit_length() // 64)
    words = struct.unpack(f"<{count}Q", bits.to_bytes(count * 8, "little"))
    result: list[int] = []
    for number in compress(range(count), words):
        left = words[number]
        while left:
            low = left & -left
            result.append(number * 64 + low.bit_length() - 1)
            left ^= low
    return result


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


NOTHING = Places([])

"""Sets of places: compressed bitmaps, made of the chunks that the database keeps; chunks are short where few are in them.

A place is a small number that a ticket has within its desk. What sets have in common, and how many there are, is the
library's to tell; what it writes and reads is https://github.com/RoaringBitmap/RoaringFormatSpec.
"""

import struct
from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_

from pyroaring import BitMap, FrozenBitMap

# A set of places that never changes.
Places = FrozenBitMap
# Places of a chunk: as bits it just fits into a row that PostgreSQL does not put elsewhere.
CHUNK = 8192
_BYTES = CHUNK // 8
# Up to so many are written one by one, in two bytes each.
_FEW = 64
# The library's own parts: a serialized one has a list of up to so many, and bits of more.
_PART = 1 << 16
_PART_BYTES = _PART // 8
_LISTED = 4_096
_ALL = (1 << _PART) - 1
# Its mark of sets that have no parts but lists and bits.
_LISTS_AND_BITS = 12346
_HEAD, _OF_PART, _AT = struct.Struct("<II"), struct.Struct("<HH"), struct.Struct("<I")
NOTHING = Places()


def of_places(found: Iterable[int]) -> Places:
    """The set of these places."""
    # As the library would optimize it, spans of places would be parts of a third kind.
    return Places(array("I", found), optimize=False)


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
    listed, parts = array("I"), dict[int, bytearray]()
    for number, kept in chunks:
        begin = number * CHUNK
        if len(kept) < _BYTES:
            listed.extend(map(begin.__add__, _listed(kept)))
        else:
            key, inside = divmod(begin, _PART)
            part = parts.setdefault(key, bytearray(_PART_BYTES))
            part[inside // 8 : inside // 8 + _BYTES] = kept
    return of_places(listed) | _of_bits(parts) if parts else of_places(listed)


def _of_bits(parts: Mapping[int, bytearray]) -> Places:
    """The set of the library's parts by their numbers, given as bits; it reads them written as its own."""
    few, heads, bodies = list[int](), list[bytes](), list[bytearray]()
    for key, part in sorted(parts.items()):
        body, count = part, int.from_bytes(part, "little").bit_count()
        if count <= _LISTED:
            # It would want a list. The others are many: of those it reads the bits, and turns the part round by itself.
            few.append(key)
            body, count = _others(part), _PART - count
        heads.append(_OF_PART.pack(key, count - 1))
        bodies.append(body)
    begin = _HEAD.size + (_OF_PART.size + _AT.size) * len(parts)
    ats = map(_AT.pack, range(begin, begin + _PART_BYTES * len(parts), _PART_BYTES))
    serialized = b"".join([_HEAD.pack(_LISTS_AND_BITS, len(parts)), *heads, *ats, *bodies])
    return Places(_turned(BitMap.deserialize(serialized), few), optimize=False)


def _turned(found: BitMap, parts: Iterable[int]) -> BitMap:
    """Of these parts what was not in the set, instead of what was."""
    for key in parts:
        found.flip_inplace(key * _PART, (key + 1) * _PART)
    return found


def written(found: Places) -> bytes:
    """The set as PostgreSQL's get_bit reads it."""
    if not found:
        return b""
    counts = [found.range_cardinality(begin, begin + _PART) for begin in range(0, found.max() + 1, _PART)]
    few = {key for key, count in enumerate(counts) if 0 < count <= _LISTED}
    kept = [key for key, count in enumerate(counts) if count]
    bits, data = bytearray(len(counts) * _PART_BYTES), _turned(BitMap(found, optimize=False), few).serialize()
    begin = _HEAD.size + (_OF_PART.size + _AT.size) * len(kept)
    if len(data) != begin + _PART_BYTES * len(kept):
        # Something has made spans of it.
        return bytes(_marked(bits, found))
    for key, at in zip(kept, range(begin, len(data), _PART_BYTES), strict=True):
        body = data[at : at + _PART_BYTES]
        bits[key * _PART_BYTES : (key + 1) * _PART_BYTES] = _others(body) if key in few else body
    return bytes(bits)


def of_chunk(found: Places, number: int) -> Sequence[int]:
    """What is in a chunk of the set, the lowest first."""
    return (found & Places(range(number * CHUNK, (number + 1) * CHUNK))).to_array()


def in_chunk(found: Places, number: int) -> int:
    """How many are in a chunk of the set."""
    return found.range_cardinality(number * CHUNK, (number + 1) * CHUNK)


def reach(found: Places, everything: Places, wanted: int, *, highest: bool) -> int:
    """How many of everything have to be looked at, from one end of the places, until so many of the set were seen."""
    wanted = min(wanted, len(found))
    if not wanted:
        return len(everything)
    place = found[-wanted if highest else wanted - 1]
    return everything.range_cardinality(place, everything.max() + 1) if highest else everything.rank(place)


def _others(part: bytes | bytearray) -> bytearray:
    """What is not in the part, as bits."""
    return bytearray((int.from_bytes(part, "little") ^ _ALL).to_bytes(_PART_BYTES, "little"))


def _listed_bits(bits: int) -> Iterator[int]:
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def _listed(kept: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(kept) // 2}H", kept)


def _marked(bits: bytearray, more: Iterable[int]) -> bytearray:
    for place in more:
        bits[place >> 3] |= 1 << (place & 7)
    return bits

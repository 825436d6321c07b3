"""PostgreSQL arrays in binary form, packed whole. psycopg's own dumper asks each element for its type, which costs
more than the rest of an append."""

import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import adapters
from psycopg.adapt import Buffer, Dumper
from psycopg.pq import Format

_HEAD = struct.Struct("!iiIii")
_LENGTH = struct.Struct("!i")
_INT = struct.Struct("!ii")
_LONG = struct.Struct("!iq")
_NULL = b"\xff\xff\xff\xff"
# PostgreSQL counts the time from here.
_BEGAN, _MICROSECOND = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class Packed:
    """A one-dimensional array; subclasses say of what, and whether some of it may be null."""

    __slots__ = ("items",)
    element = 0
    array = 0

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def pack(self) -> Iterable[bytes]:
        """Each element with its length before it."""
        raise NotImplementedError


class Bytes(Packed):
    """bytea[]"""

    element, array = 17, 1001

    def pack(self) -> Iterable[bytes]:
        length = _LENGTH.pack
        for item in self.items:
            yield length(len(item))
            yield item


class Texts(Packed):
    """text[]"""

    element, array = 25, 1009

    def pack(self) -> Iterable[bytes]:
        return Bytes([item.encode() for item in self.items]).pack()


class Uuids(Packed):
    """uuid[], null where there is None"""

    element, array = 2950, 2951

    def pack(self) -> Iterable[bytes]:
        items: list[UUID | None] = self.items
        return [_NULL if item is None else b"\0\0\0\x10" + item.bytes for item in items]


class Ints(Packed):
    """int4[]"""

    element, array = 23, 1007

    def pack(self) -> Iterable[bytes]:
        return [_INT.pack(4, item) for item in self.items]


class Longs(Packed):
    """int8[]"""

    element, array = 20, 1016

    def pack(self) -> Iterable[bytes]:
        return [_LONG.pack(8, item) for item in self.items]


class Times(Packed):
    """timestamptz[]"""

    element, array = 1184, 1185

    def pack(self) -> Iterable[bytes]:
        items: list[datetime] = self.items
        return [_LONG.pack(8, (item - _BEGAN) // _MICROSECOND) for item in items]


def _register(kind: type[Packed]) -> None:
    class PackedDumper(Dumper):
        format = Format.BINARY
        oid = kind.array

        def dump(self, obj: Packed) -> Buffer:
            if not obj.items:
                return struct.pack("!iiI", 0, 0, kind.element)
            return _HEAD.pack(1, 0, kind.element, len(obj.items), 1) + b"".join(obj.pack())

    adapters.register_dumper(kind, PackedDumper)


for _kind in (Bytes, Texts, Uuids, Ints, Longs, Times):
    _register(_kind)

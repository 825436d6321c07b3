"""UUIDv7 (RFC 9562): time first, so that indexes grow at their right edge."""

import os
import time
from uuid import UUID

from domain.ids import uuid_of

_VERSION_7 = 0x7 << 76
_VARIANT = 0b10 << 62


def uuid7() -> UUID:
    """48 bits of Unix milliseconds, 74 random bits. Python has its own only from 3.14 on."""
    random = int.from_bytes(os.urandom(10), "big")
    milliseconds = time.time_ns() // 1_000_000
    high = (random >> 62) & 0xFFF
    return uuid_of(milliseconds << 80 | _VERSION_7 | high << 64 | _VARIANT | (random & (1 << 62) - 1))

"""Four writers in a process of their own: `python -m tests.eventstore.writers URL SEED`. Prints how many events."""

import asyncio
import hashlib
import random
import sys
from uuid import UUID, uuid4

from eventstore.append import Appender, Call, NewEvent
from eventstore.identifiers import uuid7

WRITERS, COMMITS = 4, 100
SMALLEST, LARGEST = 10, 20_000
DIGEST = 8


def payload(chance: random.Random) -> bytes:
    """Bytes that tell whether they are whole."""
    body = chance.randbytes(chance.choice([SMALLEST, chance.randint(SMALLEST, LARGEST), 400]) - DIGEST)
    return hashlib.blake2b(body, digest_size=DIGEST).digest() + body


def whole(state: bytes) -> bool:
    """Whether they are what was written."""
    return hashlib.blake2b(state[DIGEST:], digest_size=DIGEST).digest() == state[:DIGEST]


async def write(appender: Appender, workspace: UUID, chance: random.Random) -> int:
    """Append events of all sizes to a stream of one's own."""
    stream, version = uuid4(), 0
    for _ in range(COMMITS):
        events = [NewEvent("thing.happened", uuid7(), payload(chance)) for _ in range(chance.randint(1, 5))]
        answer = await appender.append(Call(workspace, uuid4(), b"asked", stream, version, events))
        version = answer.version
    return version


async def main(url: str, seed: int) -> int:
    """How many events were acknowledged."""
    chance = random.Random(seed)
    async with Appender(url) as appender:
        return sum(await asyncio.gather(*(write(appender, uuid4(), chance) for _ in range(WRITERS))))


if __name__ == "__main__":
    print(asyncio.run(main(sys.argv[1], int(sys.argv[2]))))

"""Ticket numbers (A3): each process reserves blocks, small on a quiet desk so that numbers follow time."""

import asyncio
import time
from dataclasses import dataclass, field
from uuid import UUID

from eventstore.vault import Vault

_LARGEST = 512
# A block that lasted less than this was too small.
_LASTS = 0.5


@dataclass(slots=True)
class _Block:
    next: int = 0
    end: int = 0
    size: int = 1
    reserved: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Numbers:
    """Hands out numbers that are unique in their workspace; gaps happen, repeats do not."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._blocks: dict[UUID, _Block] = {}

    async def next(self, workspace: UUID) -> str:
        """The next number of the workspace, as people read it."""
        block = self._blocks.setdefault(workspace, _Block())
        if block.next < block.end:
            block.next += 1
            return str(block.next - 1)
        async with block.lock:
            if block.next >= block.end:
                await self._reserve(workspace, block)
            block.next += 1
            return str(block.next - 1)

    async def pass_over(self, workspace: UUID, numbers: int) -> None:
        """Hand out none of the next ones: imported tickets hold them."""
        block = self._blocks.setdefault(workspace, _Block())
        async with block.lock:
            await self._vault.reserve_numbers(workspace, numbers)
            block.end = block.next

    async def hold(self, workspace: UUID, count: int) -> None:
        """Reserve exactly so many for those who ask next."""
        first = await self._vault.reserve_numbers(workspace, count)
        self._blocks[workspace] = _Block(first, first + count)

    async def _reserve(self, workspace: UUID, block: _Block) -> None:
        now = time.monotonic()
        hurried = now - block.reserved < _LASTS
        block.size = min(block.size * 4, _LARGEST) if hurried else 1
        first = await self._vault.reserve_numbers(workspace, block.size)
        block.next, block.end, block.reserved = first, first + block.size, now

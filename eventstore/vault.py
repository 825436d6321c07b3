"""The writer's small calls beside the append: destroying keys, keeping snapshots."""

from typing import Any, Self
from uuid import UUID

from eventstore.database import Lent, Role, async_pool


class Vault:
    """Calls the database's own functions; has no rights on the tables behind them."""

    def __init__(self, url: str) -> None:
        self._pool = async_pool(url, Role.WRITER, "ledgerdesk-vault", size=2)

    async def __aenter__(self) -> Self:
        await self._pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    async def reserve_numbers(self, workspace: UUID, count: int) -> int:
        """Reserve ticket numbers; the first of them."""
        first: int = await self.call("SELECT log.reserve_numbers(%s, %s)", workspace, count)
        return first

    async def destroy_key(self, workspace: UUID, subject: UUID) -> bool:
        """Destroy a subject's key; refused unless the log has the request. Whether there was one."""
        destroyed: bool = await self.call("SELECT vault.destroy_key(%s, %s)", workspace, subject)
        return destroyed

    async def forget_exports(self, workspace: UUID, subject: UUID) -> None:
        """Remove the files of exports that may have what is erased; whoever asked for one can ask again."""
        await self.call("SELECT jobs.forget_exports(%s, %s)", workspace, subject)

    async def put_snapshot(self, workspace: UUID, stream: UUID, version: int, shape: str, state: bytes) -> None:
        """Keep a snapshot unless a newer one is there."""
        await self.call("SELECT log.put_snapshot(%s, %s, %s, %s, %s)", workspace, stream, version, shape, state)

    async def call(self, query: str, *values: object) -> Any:
        """The first column of what one of the database's own functions answers."""
        async with Lent(self._pool) as db:
            row = await (await db.execute(query.encode(), values)).fetchone()
        return row[0] if row else None

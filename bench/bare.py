"""The floor of what goes over HTTP: FastAPI handlers that write or read one row, and nothing else."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import psycopg
from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel, Field


class Body(BaseModel):
    """What the bare handler validates."""

    title: Annotated[str, Field(min_length=1, max_length=500)]
    description: Annotated[str, Field(max_length=100_000)] = ""


class Group:
    """Rows of concurrent requests in one INSERT and one commit."""

    def __init__(self, db: psycopg.AsyncConnection[Any]) -> None:
        self._db = db
        self._waiting: list[tuple[str, asyncio.Future[int]]] = []
        self._wake = asyncio.Event()

    async def insert(self, body: str) -> int:
        """The id of the row, once committed."""
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((body, answer))
        self._wake.set()
        return await answer

    async def commit_for_ever(self) -> None:
        """One commit after the other, each with all that waits."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._waiting = self._waiting, []
            rows = await self._db.execute(
                "INSERT INTO bare (body) SELECT unnest(%s::text[]) RETURNING id", [[body for body, _ in batch]]
            )
            for (_, answer), row in zip(batch, await rows.fetchall(), strict=True):
                answer.set_result(row[0])


def create_app() -> FastAPI:
    """The bare service over the table `bare` of BARE_DATABASE."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        address = os.environ["BARE_DATABASE"]
        async with await psycopg.AsyncConnection.connect(address, autocommit=True) as db:
            app.state.group = Group(db)
            committing = asyncio.create_task(app.state.group.commit_for_ever())
            async with AsyncConnectionPool(address, max_size=4, kwargs={"autocommit": True}) as app.state.readers:
                yield
            committing.cancel()

    app = FastAPI(lifespan=lifespan)

    @app.post("/tickets", status_code=201)
    async def create(body: Body) -> dict[str, int]:
        return {"id": await app.state.group.insert(body.model_dump_json())}

    @app.get("/tickets/{row}")
    async def read(row: int) -> dict[str, str]:
        async with app.state.readers.connection() as db:
            found = await (await db.execute("SELECT body FROM bare WHERE id = %s", [row])).fetchone()
        return {"body": found[0] if found else ""}

    return app

"""Clients of the API that take nothing for granted: they ask again, with the same key, until they are answered."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from api.answers import REPLAYED


@dataclass(frozen=True, eq=False)
class Request:
    """A change that somebody wants once."""

    path: str
    body: dict[str, Any]
    key: str = field(default_factory=lambda: uuid4().hex)


@dataclass
class Customers:
    """Many clients at once; `answered` is what they may rely on."""

    url: str
    secret: str
    answered: dict[Request, dict[str, Any]] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)

    def client(self) -> httpx.AsyncClient:
        """A connection pool with the API key."""
        headers = {"Authorization": f"Bearer {self.secret}"}
        return httpx.AsyncClient(base_url=f"{self.url}/api/v1", headers=headers, timeout=60)

    async def work(self, count: int, until: asyncio.Event) -> None:
        """So many clients ask for one thing after another."""
        async with self.client() as http, asyncio.TaskGroup() as group:
            for n in range(count):
                group.create_task(self._one(http, random.Random(n), until))

    async def _one(self, http: httpx.AsyncClient, chance: random.Random, until: asyncio.Event) -> None:
        number = ""
        while not until.is_set():
            body = {"body": "打印机着火了 " * chance.randrange(1, 60)}
            opening = Request("/tickets", {"title": "Feuer", "description": "x" * chance.randrange(1, 400)})
            request = Request(f"/tickets/{number}/notes", body) if number and chance.random() < 0.5 else opening
            answer = await self.insist(http, request)
            number = answer.json()["number"]
            self.answered[request] = answer.json()

    async def insist(self, http: httpx.AsyncClient, request: Request) -> httpx.Response:
        """The good answer, however often the way there breaks."""
        while True:
            try:
                answer = await http.post(request.path, json=request.body, headers={"Idempotency-Key": request.key})
            except httpx.TransportError as error:
                self.outcomes[type(error).__name__] += 1
                await asyncio.sleep(0.1)
                continue
            self.outcomes[str(answer.status_code)] += 1
            if answer.status_code != 503:
                assert answer.status_code in {200, 201}, answer.text
                return answer
            assert answer.headers["content-type"] == "application/problem+json"
            await asyncio.sleep(min(0.2, float(answer.headers["retry-after"])))

    async def repeat_everything(self) -> None:
        """Each answer is the same when asked for again."""
        async with self.client() as http:
            for request, first in self.answered.items():
                again = await self.insist(http, request)
                assert again.headers[REPLAYED] == "true"
                assert again.json() == first


@dataclass
class Listener:
    """Reads the event stream and, whenever it breaks, goes on after the last position it saw."""

    customers: Customers
    positions: list[int] = field(default_factory=list)

    async def listen(self) -> None:
        """For ever."""
        async with self.customers.client() as http:
            while True:
                with suppress(httpx.TransportError):
                    await self._once(http)
                await asyncio.sleep(0.1)

    async def _once(self, http: httpx.AsyncClient) -> None:
        after = {"Last-Event-ID": str(self.positions[-1])} if self.positions else {}
        async with http.stream("GET", "/events", headers=after) as answer:
            assert answer.status_code in {200, 503}
            position = 0
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                position = int(value) if name == "id" else position
                if name == "data":
                    self.positions.append(position)


async def eventually(true: Callable[[], object], seconds: float, work: "asyncio.Task[None]") -> None:
    """Wait for it while the work goes on; a failure of the work is told at once."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not await asyncio.to_thread(true):
        if work.done():
            work.result()
        assert asyncio.get_running_loop().time() < deadline, f"still not so after {seconds} s"
        await asyncio.sleep(0.02)

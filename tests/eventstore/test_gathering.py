"""Gathering: a round trip begins once nobody comes any more, and waits for those who are sure to come."""

import asyncio

import pytest

from eventstore import gathering
from eventstore.gathering import gathered

# Turns of the event loop: more than anybody is waited for who is not sure to come.
LONG = 50


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_who_comes_once_the_database_has_answered_is_waited_for() -> None:
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = ["first"]
    begun = asyncio.create_task(gathered(waiting, {answer}))
    await turns(LONG)
    assert not begun.done()
    answer.set_result(None)
    await turns(1)
    waiting.append("second")
    await begun


async def test_a_long_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "LONGEST", 0.0)
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    await gathered(["first"], {answer})
    assert not answer.done()


async def test_where_enough_wait_nobody_else_is_waited_for() -> None:
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    begun = asyncio.create_task(gathered(range(gathering.ENOUGH), {answer}))
    await turns(LONG)
    assert begun.done()

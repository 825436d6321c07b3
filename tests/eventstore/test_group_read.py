"""Group read: who asks at the same time shares a round trip, and gets what was there when they asked."""

import asyncio
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from eventstore import group_read
from eventstore.database import DatabaseUnavailable
from eventstore.group_read import Ask, Found, GroupRead

HERE, THERE = uuid4(), uuid4()


class Log:
    """Answers each read when it is let; the version that it tells is the number of the read."""

    def __init__(self) -> None:
        self.reads: list[tuple[UUID, list[Ask]]] = []
        self.let = asyncio.Event()
        self.let.set()
        self.began = asyncio.Semaphore(0)
        self.error: Exception | None = None

    async def read(self, workspace: UUID, asks: Sequence[Ask]) -> list[Found]:
        self.reads.append((workspace, list(asks)))
        self.began.release()
        number = len(self.reads)
        await self.let.wait()
        if self.error is not None:
            raise self.error
        return [Found((number, each.stream.bytes), None, []) for each in asks]

    def sizes(self) -> list[int]:
        return [len(asks) for _, asks in self.reads]


def asks(count: int) -> list[Ask]:
    return [Ask(uuid4(), n) for n in range(count)]


async def test_who_asks_at_the_same_time_shares_a_read_and_gets_their_own_answer() -> None:
    log, wanted = Log(), asks(5)
    group = GroupRead(log.read)
    found = await asyncio.gather(*(group.ask(HERE, each) for each in wanted))
    assert log.reads == [(HERE, wanted)]
    assert [each.kept for each in found] == [(1, ask.stream.bytes) for ask in wanted]


async def test_nobody_joins_a_read_that_has_begun() -> None:
    log = Log()
    group = GroupRead(log.read)
    log.let.clear()
    first = asyncio.create_task(group.ask(HERE, *asks(1)))
    await log.began.acquire()
    later = [asyncio.create_task(group.ask(HERE, each)) for each in asks(3)]
    await asyncio.sleep(0)
    log.let.set()
    assert (await first).kept is not None
    answers = await asyncio.gather(*later)
    assert log.sizes() == [1, 3]
    assert {each.kept[0] for each in answers if each.kept} == {2}


async def test_reads_are_under_way_until_they_are_answered() -> None:
    log = Log()
    group = GroupRead(log.read)
    log.let.clear()
    asked = [asyncio.create_task(group.ask(where, *asks(1))) for where in (HERE, THERE)]
    for _ in asked:
        await log.began.acquire()
    assert len(group.under_way) == 2
    log.error = DatabaseUnavailable(server="here", reason="gone")
    log.let.set()
    await asyncio.wait([*asked, *group.under_way])
    assert not group.under_way


async def test_workspaces_are_read_apart_and_do_not_wait_for_each_other() -> None:
    log = Log()
    group = GroupRead(log.read)
    log.let.clear()
    tasks = [asyncio.create_task(group.ask(where, each)) for where in (HERE, THERE) for each in asks(2)]
    await log.began.acquire()
    await log.began.acquire()
    assert [(where, len(found)) for where, found in log.reads] == [(HERE, 2), (THERE, 2)]
    log.let.set()
    await asyncio.gather(*tasks)


async def test_a_read_takes_only_so_many() -> None:
    log = Log()
    group = GroupRead(log.read)
    await asyncio.gather(*(group.ask(HERE, each) for each in asks(group_read.MOST + 2)))
    assert log.sizes() == [group_read.MOST, 2]


async def test_a_read_that_fails_tells_all_of_it_and_the_next_one_goes_on() -> None:
    log = Log()
    group = GroupRead(log.read)
    log.error = DatabaseUnavailable(server="here", reason="gone")
    answers = await asyncio.gather(*(group.ask(HERE, each) for each in asks(2)), return_exceptions=True)
    assert [type(each) for each in answers] == [DatabaseUnavailable] * 2
    log.error = None
    assert (await group.ask(HERE, *asks(1))).kept is not None


async def test_who_goes_away_leaves_the_others_their_answers() -> None:
    log = Log()
    group = GroupRead(log.read)
    log.let.clear()
    gone, stays = (asyncio.create_task(group.ask(HERE, each)) for each in asks(2))
    await log.began.acquire()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    log.let.set()
    assert (await stays).kept is not None


async def test_finishing_waits_for_those_who_wait() -> None:
    log = Log()
    group = GroupRead(log.read)
    asked = asyncio.create_task(group.ask(HERE, *asks(1)))
    await log.began.acquire()
    await group.finish()
    assert asked.done() or (await asked).kept is not None
    await group.finish()


async def test_who_is_about_to_ask_is_waited_for() -> None:
    log = Log()
    group = GroupRead(log.read)

    async def asking_after(turns: int) -> Found:
        for _ in range(turns):
            await asyncio.sleep(0)
        return await group.ask(HERE, *asks(1))

    await asyncio.gather(*map(asking_after, range(4)))
    assert log.sizes() == [4]

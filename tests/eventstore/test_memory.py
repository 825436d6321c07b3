"""What a process remembers of streams, and that its own events are folded only once somebody asks."""

from typing import Any, cast
from uuid import UUID

import pytest

from domain.event import Event
from eventstore import memory as module
from eventstore.memory import Memory
from eventstore.streams import Loaded, Streams

DESK, TICKET = UUID(int=1), UUID(int=2)


class Log:
    """Answers with a version of its own, or with what is known already."""

    newest: Loaded | None = None
    asked: Loaded | None = None
    version_met = 0

    def met(self, stream: UUID) -> int:
        return self.version_met if stream == DESK else 0

    async def load(self, _: UUID, __: str, ___: UUID, known: Loaded | None) -> Loaded:
        self.asked = known
        return self.newest or known or Loaded((), 0)


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def folded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    done: list[str] = []

    def evolve(state: tuple[str, ...], event: str) -> tuple[str, ...]:
        done.append(event)
        return (*state, event)

    monkeypatch.setattr(module, "evolve", evolve)
    return done


def own(*names: str) -> list[Event]:
    return cast("list[Event]", list(names))


def of(log: Log) -> Memory:
    return Memory(cast("Streams", log))


async def recalled(memory: Memory) -> tuple[Any, int]:
    loaded = await memory.recall(DESK, "ticket", TICKET)
    return loaded.state, loaded.version


async def test_own_events_are_folded_once_and_not_before_somebody_asks(log: Log, folded: list[str]) -> None:
    memory = of(log)
    before = await memory.read(DESK, "ticket", TICKET)
    after = memory.go_on(DESK, TICKET, before, own("a", "b"), {})
    assert folded == []
    assert await recalled(memory) == (("a", "b"), 2)
    assert (after().state, folded) == (("a", "b"), ["a", "b"])
    await memory.read(DESK, "ticket", TICKET)
    assert (log.asked, folded) == (Loaded(("a", "b"), 2), ["a", "b"])


async def test_who_saw_more_is_right(log: Log, folded: list[str]) -> None:
    memory = of(log)
    memory.go_on(DESK, TICKET, Loaded(("a",), 1), own("b", "c"), {})
    # Two answers that come late: of one who read, and of one who wrote.
    log.newest = Loaded(("a", "b"), 2)
    assert (await memory.read(DESK, "ticket", TICKET)).version == 3
    memory.go_on(DESK, TICKET, Loaded(("a",), 1), own("b"), {})
    assert await recalled(memory) == (("a", "b", "c"), 3)
    log.newest = Loaded(("a", "b", "c", "d"), 4)
    assert (await memory.read(DESK, "ticket", TICKET)).version == 4
    assert folded == ["b", "c"]


async def test_a_set_up_that_reads_have_met_is_not_older_in_memory(log: Log, folded: list[str]) -> None:
    memory = of(log)
    log.newest = Loaded("old", 3)
    await memory.read(DESK, "workspace", DESK)
    log.newest, log.version_met = Loaded("new", 5), 5
    assert (await memory.recall(DESK, "workspace", DESK, within=60)).state == "new"
    log.newest = Loaded("newer still", 6)
    assert (await memory.recall(DESK, "workspace", DESK, within=60)).state == "new"

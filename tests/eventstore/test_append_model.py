"""Whatever batches arrive, the append answers as a dictionary would."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import psycopg
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from psycopg import AsyncConnection

from eventstore.append import Answer, Call, NewEvent, send
from eventstore.database import Role, conninfo
from eventstore.identifiers import uuid7

STREAMS, WORKSPACES, COMMANDS = 4, 2, 6


@dataclass
class Model:
    """The log as one would keep it in memory."""

    head: int
    versions: dict[UUID, tuple[UUID, int]] = field(default_factory=dict)
    answers: dict[tuple[UUID, UUID], Answer] = field(default_factory=dict)

    def append(self, calls: list[Call]) -> list[Answer]:
        """Verdicts as of the batch's beginning; positions in the order of the calls."""
        before = self.head
        return [self._answer(call, before) for call in calls]

    def _answer(self, call: Call, before: int) -> Answer:
        known = self.answers.get((call.workspace_id, call.command_id))
        if known:
            return known._replace(verdict="repeat")
        if (call.workspace_id, call.after) != self.versions.get(call.stream_id, (call.workspace_id, 0)):
            return Answer("conflict", call.stream_id, None, None, None, None)  # type: ignore[arg-type]
        self.head += len(call.events)
        version, position = call.after + len(call.events), self.head if call.events else before
        if version:
            self.versions[call.stream_id] = (call.workspace_id, version)
        answer = Answer("done", call.stream_id, version, len(call.events), position, call.fingerprint)
        self.answers[call.workspace_id, call.command_id] = answer
        return answer


WISH = st.tuples(
    st.integers(0, STREAMS - 1),
    st.integers(0, WORKSPACES - 1),
    st.integers(0, COMMANDS - 1) | st.none(),
    st.integers(-1, 1),
    st.integers(0, 3),
)


def _command_of(wish: tuple[int, int, int | None, int, int]) -> int:
    return id(wish) if wish[2] is None else wish[2]


class AppendMachine(RuleBasedStateMachine):
    """Batches of calls, some repeated, some too old, some ahead, some of the wrong workspace."""

    def __init__(self, url: str, runner: asyncio.Runner) -> None:
        super().__init__()
        self.url, self.runner = url, runner
        self.db: AsyncConnection[Any] = runner.run(
            AsyncConnection.connect(conninfo(url, Role.WRITER), autocommit=True, prepare_threshold=0)
        )
        self.streams = [uuid4() for _ in range(STREAMS)]
        self.workspaces = [uuid4() for _ in range(WORKSPACES)]
        self.commands = [uuid4() for _ in range(COMMANDS)]
        self.model = Model(self._rows("SELECT coalesce(max(notification_id), 0) FROM log.stored_events")[0][0])

    @rule(wishes=st.lists(WISH, min_size=1, max_size=4, unique_by=(lambda wish: wish[0], _command_of)))
    def append(self, wishes: list[tuple[int, int, int | None, int, int]]) -> None:
        """As a process's committer does: at most one call for a stream and for a command in a batch."""
        calls = [self._call(*wish) for wish in wishes]
        assert self.runner.run(send(self.db, calls)) == self.model.append(calls)

    def _call(self, stream: int, workspace: int, command: int | None, off: int, count: int) -> Call:
        _, version = self.model.versions.get(self.streams[stream], (None, 0))
        events = [NewEvent("thing.happened", uuid7(), b"{}") for _ in range(count)]
        chosen = uuid4() if command is None else self.commands[command]
        return Call(self.workspaces[workspace], chosen, b"asked", self.streams[stream], max(0, version + off), events)

    def teardown(self) -> None:
        """The log holds what the model holds."""
        rows = self._rows(
            "SELECT originator_id, workspace_id, max(originator_version), count(*) FROM log.stored_events"
            " WHERE originator_id = ANY(%s) GROUP BY 1, 2",
            self.streams,
        )
        kept = {stream: (workspace, version) for stream, (workspace, version) in self.model.versions.items()}
        assert {row[0]: (row[1], row[2]) for row in rows} == kept
        assert all(version == count for _, _, version, count in rows)
        self.runner.run(self.db.close())

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with psycopg.connect(self.url) as db:
            return db.execute(query.encode(), values).fetchall()


def test_the_append_answers_as_a_dictionary_would(database_url: str) -> None:
    with asyncio.Runner() as runner:
        run_state_machine_as_test(
            lambda: AppendMachine(database_url, runner),
            settings=settings(
                max_examples=40,
                stateful_step_count=12,
                database=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )

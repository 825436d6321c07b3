"""What must hold of a log, whatever happened while it was written."""

import asyncio
from typing import Any
from uuid import UUID

import psycopg

from domain.command import Command
from domain.errors import Refusal
from eventstore.database import Role, connect
from eventstore.desk import Desk, Receipt
from eventstore.feed import decode_page, head, read_page
from eventstore.keyring import Keyring
from tests.chaos.journal import Told
from tests.desks import MASTER

Db = psycopg.Connection[Any]
Facts = tuple[UUID, int, int, int]

# Each finds what must not be there.
NEVER = {
    "a position is missing": "SELECT 1 FROM log.stored_events HAVING count(*) <> coalesce(max(notification_id), 0)",
    "a version is missing": "SELECT originator_id FROM log.stored_events GROUP BY 1 HAVING count(*) <> max(originator_version)",
    "versions are not in the order of positions": """
        SELECT 1 FROM (SELECT originator_version - row_number() OVER (PARTITION BY originator_id ORDER BY notification_id)
        FROM log.stored_events) AS o (off) WHERE off <> 0""",
    "a command is half there": """
        SELECT k.command_id FROM log.commands k LEFT JOIN log.stored_events e USING (workspace_id, command_id)
        GROUP BY 1, k.events, k.version, k.position, k.originator_id HAVING count(e.event_id) <> k.events
        OR k.events > 0 AND (max(e.originator_version), max(e.notification_id)) <> (k.version, k.position)
        OR bool_or(e.originator_id <> k.originator_id)""",
    "an event has no command": """
        SELECT e.event_id FROM log.stored_events e LEFT JOIN log.commands k USING (workspace_id, command_id)
        WHERE k.command_id IS NULL""",
    "a ticket has no key": """
        SELECT e.originator_id FROM log.stored_events e LEFT JOIN vault.keys k
        ON k.workspace_id = e.workspace_id AND k.subject_id = e.originator_id
        WHERE e.topic = 'ticket.opened' AND k.subject_id IS NULL""",
}


def check(url: str, told: Told) -> None:
    """The log is whole, and says what its writers were told."""
    with connect(url, Role.OWNER) as db:
        for what, query in NEVER.items():
            assert db.execute(query.encode()).fetchall() == [], what
        recorded = commands(db)
    assert {key: facts for key, facts in told.answered.items() if recorded.get(key) != facts} == {}
    assert [code for key, code in told.refused.items() if key in recorded] == []
    assert recorded.keys() - told.asked.keys() == strangers(url, told)
    decode_everything(url)


def commands(db: Db) -> dict[UUID, Facts]:
    """What the log answers to each command id."""
    rows = db.execute("SELECT command_id, originator_id, version, events, position FROM log.commands")
    return {row[0]: row[1:] for row in rows}


def strangers(url: str, told: Told) -> set[UUID]:
    """Commands of the furnishing, before anybody was at work."""
    first = min((command.at for command in told.asked.values()), default=None)
    with connect(url, Role.OWNER) as db:
        rows = db.execute("SELECT command_id FROM log.commands WHERE recorded_at < %s", [first])
        return {row[0] for row in rows}


def decode_everything(url: str) -> int:
    """Open every event of the log; how many there are."""
    after = 0
    with connect(url, Role.WORKER) as db:
        while rows := read_page(db.cursor(), after):
            decode_page(db.cursor(), Keyring(MASTER), rows)
            after = rows[-1].notification_id
        assert after == head(db.cursor())
    return after


def repeat(url: str, told: Told) -> None:
    """Ask again, twice, for everything whose outcome nobody was told: it is done once."""
    with connect(url, Role.OWNER) as db:
        before = commands(db)
    first, second = asyncio.run(twice(url, told.open))
    for command, receipt in zip(told.open, first, strict=True):
        if command.command_id in before:
            assert isinstance(receipt, Receipt)
            assert receipt.repeated
            assert facts(receipt) == before[command.command_id]
    for once, again in zip(first, second, strict=True):
        assert type(once) is type(again)
        if isinstance(once, Receipt) and isinstance(again, Receipt):
            assert again.repeated
            assert facts(once) == facts(again)


async def twice(url: str, asked: list[Command]) -> list[list[Receipt | Refusal]]:
    """What becomes of the commands, and of the same again."""
    at_once = asyncio.Semaphore(20)
    async with Desk(url, Keyring(MASTER)) as desk:

        async def settled(command: Command) -> Receipt | Refusal:
            async with at_once:
                try:
                    return await desk.execute(command)
                except Refusal as refusal:
                    return refusal

        return [list(await asyncio.gather(*map(settled, asked))) for _ in range(2)]


def facts(receipt: Receipt) -> Facts:
    """What must be the same each time."""
    return receipt.stream_id, receipt.version, receipt.events, receipt.position

"""What people do on a desk while workers share its processes, and what these have come to."""

import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg

from domain.errors import Refusal
from domain.permissions import RoleName
from domain.requester import RegisterRequester
from domain.requester_ties import MergeRequester
from domain.rules.rule import RuleDefinition
from domain.setup.policies import SetPolicy
from domain.setup.rules import SetRule
from domain.setup.webhooks import SetWebhook
from domain.sla.policy import PolicyDefinition, Target
from domain.ticket.commands import CloseTicket, EraseTicket, NoteOnTicket, ReplyToTicket, TagTicket
from domain.ticket.marking import FollowTicket, SnoozeTicket
from domain.ticket.messages import RedactMessage
from domain.ticket.ties import LinkTicket
from domain.webhooks import WebhookDefinition
from domain.workspace import AddPerson
from processors.runner import PROCESSES
from tests.desks import Office

NEXT_YEAR = datetime.now(UTC) + timedelta(days=365)
# What processes keep, but for when they came to it.
KEPT = {
    "timers": "ticket_id, process, key, workspace_id, due_at, detail",
    "sla_clocks": "*",
    "deliveries": "delivery_id, channel, recipient, ticket_id, subject_id, detail, gathered, due_at, state",
    "dead_letters": "process, stream_id, position, error, state",
}
# Events of other partitions than tickets', and of the one in which the workspace is.
BESIDE = ("requester.registered", "requester.absorbed", "workspace.policy_set", "notification.sent")
BY_PARTITION = tuple(process.NAME for process in PROCESSES if process.PARTITIONED)


async def furnish(office: Office) -> UUID:
    """Promises, a rule, a webhook, and somebody else who is told; their id."""
    other = uuid4()
    await office.do(AddPerson, person_id=other, person_name="Bob", role=RoleName.AGENT)
    await promise(office, 240)
    rule = {
        "title": "Urgent",
        "kind": "trigger",
        "when": {"field": "tags", "op": "has_any", "value": ["urgent"]},
        "then": [{"do": "set_priority", "priority": "high"}],
    }
    await office.do(SetRule, key="urgent", definition=RuleDefinition.model_validate(rule))
    told = WebhookDefinition(title="CRM", events=("ticket.noted", "ticket.prioritised", *BESIDE))
    secret = "whsec_" + "A" * 32
    await office.do(SetWebhook, key="crm", url="https://example.org/told", secret=secret, definition=told)
    return other


async def promise(office: Office, minutes: int) -> None:
    """Another policy."""
    definition = PolicyDefinition(title="Usual", targets=(Target(measure="resolution", normal=minutes),))
    await office.do(SetPolicy, key="usual", definition=definition)


async def open_tickets(office: Office, count: int, follower: UUID) -> None:
    """With customers of their own, followed by somebody else."""
    for number in range(count):
        requester = uuid4()
        await office.do(RegisterRequester, requester_id=requester, requester_name=f"Customer {number}")
        await office.ticket(f"T-{number}", requester_id=requester, followers=(follower,))


async def busy(office: Office, tickets: int, seed: int, turns: int = 60) -> None:
    """Somebody who works on many tickets at once. What takes two steps stops after the first: processes go on with it."""
    chance = random.Random(seed)
    for turn in range(turns):
        with suppress(Refusal):
            await _turn(office, chance, f"T-{chance.randrange(tickets)}", f"T-{chance.randrange(tickets)}")
        if turn % 20 == 19:
            await promise(office, chance.randrange(300, 3000))


async def _turn(office: Office, chance: random.Random, number: str, other: str) -> None:
    what = chance.random()
    if what < 0.35:
        await office.do(NoteOnTicket, number=number, body="Looked at it")
    elif what < 0.55:
        said = office.command(ReplyToTicket, number=number, body="Hello", command_id=uuid4())
        await office.desk.execute(said)
        if what > 0.53:
            await office.do(RedactMessage, number=number, message_id=said.command_id, reason="a number")
    elif what < 0.7:
        await office.do(TagTicket, number=number, add=(chance.choice(["a", "b", "urgent"]),))
    elif what < 0.8:
        await office.do(SnoozeTicket, number=number, until=NEXT_YEAR + timedelta(minutes=chance.randrange(1000)))
    elif what < 0.86:
        await office.do(FollowTicket, number=number, person_id=UUID(office.person.id))
    elif what < 0.91:
        await office.do(LinkTicket, number=number, relation="related", other=other)
    elif what < 0.94:
        await office.do(CloseTicket, number=number)
    elif what < 0.98:
        await _twice_known(office)
    else:
        # One of its own: ties to what was erased are taken back, which a rebuilt timeline does not show.
        erased = f"E-{uuid4().hex[:8]}"
        await office.ticket(erased)
        await office.do(EraseTicket, number=erased, reason="asked")


async def _twice_known(office: Office) -> None:
    one, same = uuid4(), uuid4()
    for requester in (one, same):
        await office.do(RegisterRequester, requester_id=requester, requester_name="Wang")
    await office.do(MergeRequester, requester_id=one, into=same)


def far(url: str) -> tuple[int, int]:
    """How far the least of the processes has come, and the log."""
    with psycopg.connect(url) as db:
        found = dict(db.execute("SELECT process, position FROM processes.progress").fetchall())
        (end,) = db.execute("SELECT coalesce(max(notification_id), 0) FROM log.stored_events").fetchone() or (0,)
    return min(found.get(process.NAME, 0) for process in PROCESSES), end


def all_quiet(url: str) -> bool:
    """Whether they have come to the end of the log, and no timer waits to be looked at."""
    with psycopg.connect(url) as db:
        (due,) = db.execute("SELECT count(*) FROM processes.timers WHERE wake_at <= clock_timestamp()").fetchone() or (
            0,
        )
    reached, end = far(url)
    return reached == end and not due


def kept(url: str) -> dict[str, list[Any]]:
    """What the processes keep."""
    with psycopg.connect(url) as db:
        return {
            table: sorted(map(str, db.execute(f"SELECT {columns} FROM processes.{table}").fetchall()))
            for table, columns in KEPT.items()
        }


def commands(url: str) -> set[UUID]:
    """The ids of all that was done."""
    with psycopg.connect(url) as db:
        return {row[0] for row in db.execute("SELECT command_id FROM log.commands")}


def forget(superuser_url: str, begin: int = 0) -> None:
    """As if no process had ever run, and all begin at that position of the log."""
    with psycopg.connect(superuser_url, autocommit=True) as db:
        db.execute(
            "TRUNCATE processes.timers, processes.sla_clocks, processes.deliveries, processes.memories, processes.places CASCADE"
        )
        db.execute("DELETE FROM log.notification_tracking")
        for process in PROCESSES:
            db.execute("INSERT INTO log.notification_tracking VALUES (%s, %s)", [process.NAME, begin])

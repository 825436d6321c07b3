"""Two agents want one ticket at the same moment, each through a process of their own."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from domain.event import Actor
from domain.permissions import RoleName
from domain.ticket.handling import AlreadyClaimed, ClaimTicket
from domain.values import Assignee
from domain.workspace import AddPerson, AddTeam
from eventstore.desk import Desk, Receipt
from eventstore.keyring import Keyring
from tests.desks import MASTER, Office, an_office

TEAM = uuid4()


@pytest.fixture
async def offices(database_url: str) -> AsyncIterator[tuple[Office, Office]]:
    """An agent at a desk of their own, and another one."""
    async with an_office(database_url) as admin, Desk(database_url, Keyring(MASTER)) as other:
        await admin.do(AddTeam, team_id=TEAM, title="Billing")
        agents = [await _hired(admin, name) for name in ("Ann", "Bob")]
        yield Office(admin.desk, admin.slug, agents[0]), Office(other, admin.slug, agents[1])


async def _hired(admin: Office, name: str) -> Actor:
    person = uuid4()
    await admin.do(AddPerson, person_id=person, person_name=name, role=RoleName.AGENT, teams=(TEAM,))
    return Actor(kind="person", id=str(person))


@pytest.mark.parametrize("turn", range(5))
async def test_of_two_who_claim_at_once_one_has_it_and_the_other_is_told_who(
    offices: tuple[Office, Office], turn: int
) -> None:
    ann, bob = offices
    number = f"T-{turn}"
    await ann.ticket(number, assignee=Assignee(team=TEAM))
    claims = [office.do(ClaimTicket, number=number, accept=True) for office in offices]
    outcomes = await asyncio.gather(*claims, return_exceptions=True)
    won = [isinstance(outcome, Receipt) for outcome in outcomes]
    assert sorted(won) == [False, True], outcomes
    winner, refusal = offices[won.index(True)], outcomes[won.index(False)]
    assert isinstance(refusal, AlreadyClaimed)
    assert refusal.fields["by"] == UUID(winner.person.id)
    assert refusal.fields["name"] == ("Ann" if winner is ann else "Bob")
    stream = ann.command(ClaimTicket, number=number).stream_id
    for office in (ann, bob):
        ticket = (await office.desk.state(office.workspace, "ticket", stream)).state
        assert ticket.assignee == Assignee(team=TEAM, person=UUID(winner.person.id))

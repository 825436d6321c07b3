"""What triggers do is done in the instant in which something happens, however far behind them people are."""

from typing import Any

import psycopg
import pytest

from domain.ids import ticket_id
from domain.rules.chain import Said
from domain.rules.rule import RuleDefinition
from domain.setup.rules import SetRule
from domain.ticket.commands import AssignTicket, CloseTicket, NoteOnTicket, ResolveTicket, TagTicket
from domain.values import Assignee
from domain.workspace import AddTeam
from eventstore.keyring import Keyring
from eventstore.stories import stream
from processors.looking_back import happenings_of
from processors.rule_log import entries
from processors.triggers import Triggers
from tests.desks import MASTER, Office
from tests.domain.kit import NETWORK
from tests.kafka.working import forget
from tests.processors.greeter import Died, connected, follower

Db = psycopg.Connection[Any]


async def trigger(office: Office, key: str, when: Any, *then: Any) -> None:
    """Set one up."""
    definition = RuleDefinition.model_validate({"title": key, "kind": "trigger", "when": when, "then": then})
    await office.do(SetRule, key=key, definition=definition)


def topics(database: Db, office: Office) -> list[str]:
    """What happened to T-1, in the order of the log."""
    events = stream(database.cursor(), Keyring(MASTER), ticket_id(office.workspace, "T-1"))
    return [each.event.NAME.removeprefix("ticket.") for each in events]


def follow(url: str, most: int) -> None:
    """Let the triggers look at all of the log, so many things at once."""
    with connected(url) as db:
        following = follower(db, Triggers())
        following._most = most
        while following.step():
            following._most = most


GIVE = {"do": "assign_by", "how": "round_robin", "people": []}


@pytest.fixture
async def quick(office: Office) -> Office:
    """A ticket that was opened, tagged and noted on before a trigger has looked, which gives it to whoever is there."""
    unassigned = {"field": "assignee_person", "op": "is_not_set"}
    await trigger(office, "give", unassigned, GIVE | {"people": [office.person.id]}, {"do": "note", "body": "Given"})
    await office.ticket()
    await office.do(TagTicket, number="T-1", add=frozenset({"urgent"}))
    await office.do(NoteOnTicket, number="T-1", body="A note")
    return office


DONE = ["opened", "tagged", "noted", "assigned", "noted"]


@pytest.mark.parametrize("most", [500, 1])
async def test_what_came_meanwhile_is_seen_after_it(quick: Office, database: Db, database_url: str, most: int) -> None:
    follow(database_url, most)
    assert topics(database, quick) == DONE
    tagged = entries(
        happenings_of(database.cursor(), Keyring(MASTER), quick.workspace, ticket_id(quick.workspace, "T-1"))
    )
    assert [[look.said for look in entry.triggers] for entry in tagged] == [[Said.ACTED], [Said.NO], [Said.NO], []]
    assert [entry.version for entry in tagged] == [1, 2, 3, 5]


async def test_who_dies_in_between_is_followed_by_one_who_sees_the_same(
    quick: Office, database: Db, database_url: str
) -> None:
    for moment in range(1000):
        with connected(database_url) as db:
            count = iter(range(moment))

            def die(db: Db = db, count: Any = count) -> None:
                if next(count, None) is None:
                    db.close()
                    raise Died

            db.moment = die  # type: ignore[attr-defined]
            try:
                following = follower(db, Triggers())
                following._most = 1
                while following.step():
                    following._most = 1
            except psycopg.OperationalError:
                continue
            break
    assert moment > 20
    assert topics(database, quick) == DONE


async def test_what_somebody_did_meanwhile_is_not_undone_in_sight(
    office: Office, database: Db, database_url: str
) -> None:
    opened = {"field": "event", "op": "has_any", "value": ["ticket.opened"]}
    await trigger(office, "wait", opened, {"do": "set_priority", "priority": "high"})
    await trigger(office, "done", {"field": "status", "op": "changed_to", "value": "resolved"}, {"do": "pin"})
    await office.ticket()
    await office.do(ResolveTicket, number="T-1")
    follow(database_url, 500)
    assert topics(database, office) == ["opened", "resolved", "prioritised", "pinned"]


async def test_what_came_to_be_otherwise_is_not_seen(office: Office, database: Db, database_url: str) -> None:
    await office.do(AddTeam, team_id=NETWORK, title="Network")
    opened = {"field": "event", "op": "has_any", "value": ["ticket.opened"]}
    await trigger(office, "give", opened, {"do": "assign", "to": {"team": str(NETWORK)}})
    untaken = {"all": [{"field": "event", "op": "has_any", "value": ["ticket.noted"]}]}
    untaken["all"].append({"field": "assignee_team", "op": "is_not_set"})
    await trigger(office, "untaken", untaken, {"do": "pin"})
    await office.ticket()
    await office.do(AssignTicket, number="T-1", to=Assignee(person=office.person.id))
    await office.do(CloseTicket, number="T-1")
    await office.do(NoteOnTicket, number="T-1", body="Nobody's")
    follow(database_url, 1)
    assert topics(database, office)[-2:] == ["rule_refused", "pinned"]


@pytest.mark.parametrize(("first", "again"), [(1, 500), (500, 1), (500, 500)])
async def test_who_begins_anew_finds_all_done(
    quick: Office, database: Db, database_url: str, superuser_url: str, first: int, again: int
) -> None:
    await trigger(quick, "urgent", {"field": "tags", "op": "has_any", "value": ["urgent"]}, {"do": "pin"})
    follow(database_url, first)
    await quick.do(CloseTicket, number="T-1")
    follow(database_url, first)
    done = topics(database, quick)
    forget(superuser_url)
    follow(database_url, again)
    assert topics(database, quick) == done

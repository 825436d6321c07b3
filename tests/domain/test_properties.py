"""Whatever people do in whatever order."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain import requester as r
from domain import workspace as w
from domain.aggregates import INITIAL
from domain.command import Command
from domain.event import SYSTEM, Actor, Event
from domain.permissions import RoleName
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket import handling as h
from domain.ticket import marking as k
from domain.ticket import messages as m
from domain.ticket import settling as s
from domain.ticket.state import Ticket
from domain.values import NOBODY, Assignee, Attachment, Priority, StatusKind
from tests.domain.kit import ANN, BILLING, BOB, DESK, LEFT, NETWORK, NOON, decided, folded, id_of, person, wish

PERSONS = [person(name) for name in ("ann", "bob", "lead", "admin", "auditor", "left")]
REQUESTERS = [Actor(kind="requester", id=str(id_of(name))) for name in ("zoe", "max")]
ACTORS = st.sampled_from([SYSTEM, SYSTEM, *PERSONS, *REQUESTERS])
STATUSES = st.sampled_from([*DESK.statuses, "limbo"])
PRIORITIES = st.sampled_from(Priority)
PEOPLE = st.sampled_from([ANN, BOB, LEFT, BILLING])
TEAMS = st.sampled_from([BILLING, NETWORK, ANN])
CATEGORIES = st.sampled_from([(), ("Hardware",), ("Hardware", "Printer"), ("Software",)])
TITLES = st.sampled_from(["打印机坏了", "Printer", "two\nlines"])
TAGS = st.frozensets(st.sampled_from(["vip", "紧急", "a b"]), max_size=3)
ASSIGNEES = st.one_of(
    st.builds(Assignee, team=st.none() | TEAMS, person=st.none() | PEOPLE),
    st.builds(Assignee, team=st.none() | TEAMS, people=st.sampled_from([(ANN,), (ANN, BOB), (BOB, BOB), (ANN, LEFT)])),
    st.builds(Assignee, team=st.none() | TEAMS, role=st.sampled_from(["agent", "lead", "wizard"])),
)
PLAIN = st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2) | st.text("ab火", max_size=2)
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("k"), inner))
FIELDS = st.dictionaries(st.sampled_from(["room", "floor", "asset"]), VALUES)
ZOES = st.sampled_from([id_of("zoe"), id_of("max")])
CLEARS = st.frozensets(st.sampled_from(["type", "category", "due_at", "requester_id", "description", "title"]))


def a_file(name: str) -> Attachment:
    """A file of that name."""
    return Attachment(
        attachment_id=id_of(name), name=name, media_type="text/plain", size=1, sha256="ab" * 32, key="a2V5"
    )


def wishes(kind: type[Command], **asked: st.SearchStrategy[Any]) -> st.SearchStrategy[Command]:
    """Commands of a kind, by anybody, each field given or left out."""
    return st.fixed_dictionaries({"by": ACTORS} | asked).map(lambda chosen: wish(kind, **chosen))


def sometimes(**asked: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    """Each of them or None."""
    return {name: st.none() | values for name, values in asked.items()}


TOLD = {
    "told_by": ACTORS,
    "status": STATUSES,
    "priority": PRIORITIES,
    "assignee": ASSIGNEES,
    "category": CATEGORIES,
    "title": TITLES,
    "fields": FIELDS,
    "requester_id": st.none() | ZOES,
}
EDITS = sometimes(title=TITLES, description=TITLES, type=st.just("incident"), category=CATEGORIES, requester_id=ZOES)
ON_TICKETS = st.one_of(
    wishes(c.OpenTicket, title=TITLES, fields=FIELDS, tags=TAGS.map(tuple), assignee=ASSIGNEES, status=STATUSES),
    wishes(c.EditTicket, **EDITS, fields=FIELDS, clear=CLEARS),
    wishes(c.ChangePriority, priority=PRIORITIES),
    wishes(c.AssignTicket, to=st.just(NOBODY) | ASSIGNEES),
    wishes(c.MoveTicket, status=STATUSES),
    wishes(c.ResolveTicket),
    wishes(c.ReopenTicket),
    wishes(c.CloseTicket),
    wishes(c.TagTicket, add=TAGS, remove=TAGS),
    wishes(c.ReplyToTicket, body=TITLES),
    wishes(c.NoteOnTicket, body=TITLES),
    wishes(c.TellOpening, **TOLD),
    wishes(c.TellUpdate, **TOLD),
)
FILES = st.sampled_from([(), ("a",), ("b", "c")]).map(lambda names: tuple(map(a_file, names)))
MENTIONS = st.sampled_from([(), (ANN,), (BOB, ANN), (LEFT,)])
ON_TICKETS |= st.one_of(
    wishes(h.LookAtTicket),
    wishes(h.AcceptTicket),
    wishes(h.ClaimTicket, accept=st.booleans()),
    wishes(h.TransferTicket, to=ASSIGNEES, note=TITLES),
    wishes(h.ReturnTicket, reason=TITLES),
    wishes(h.UrgeTicket, body=TITLES),
    wishes(m.RemarkOnTicket, body=TITLES, attachments=FILES, mentions=MENTIONS),
    wishes(m.AttachToTicket, attachments=FILES.filter(bool), internal=st.booleans()),
    wishes(m.RemoveAttachment, attachment_id=st.sampled_from("abc").map(id_of), reason=TITLES),
    wishes(m.RedactMessage, message_id=st.sampled_from([id_of("command"), id_of("other")]), reason=TITLES),
    wishes(s.ConfirmTicket),
    wishes(s.RateTicket, stars=st.integers(1, 5), comment=TITLES),
    wishes(k.FollowTicket, person_id=PEOPLE),
    wishes(k.UnfollowTicket, person_id=PEOPLE),
    wishes(k.SnoozeTicket, until=st.none() | st.sampled_from([NOON, NOON + timedelta(days=1)])),
    wishes(k.WakeTicket, because=st.sampled_from(["hand", "time"])),
    wishes(k.MarkSpam, block=st.booleans()),
    *(wishes(kind) for kind in (k.PinTicket, k.UnpinTicket, k.UnmarkSpam, k.ArchiveTicket, k.UnarchiveTicket)),
)
ERASING = st.one_of(wishes(c.EraseTicket, reason=TITLES), wishes(c.ConfirmTicketErasure))
DETAILS = sometimes(email=TITLES, phone=TITLES)
ON_REQUESTERS = st.one_of(
    wishes(r.RegisterRequester, requester_name=TITLES, **DETAILS),
    wishes(r.ChangeRequester, **DETAILS, clear=st.frozensets(st.sampled_from(["email", "phone"]))),
    wishes(r.EraseRequester, reason=TITLES),
    wishes(r.ConfirmRequesterErasure),
)
ROLES = st.sampled_from(RoleName)
NAMES = st.sampled_from(["Sales", "Billing", "打印机"])
ON_WORKSPACES = st.one_of(
    wishes(w.CreateWorkspace, slug=st.just("acme"), title=NAMES),
    st.builds(lambda kind: wish(w.AddStatus, key="parts", title="Parts", kind=kind), st.sampled_from(StatusKind)),
    wishes(w.AddTeam, team_id=TEAMS, title=NAMES),
    wishes(w.AddCategory, path=st.lists(NAMES, min_size=1, max_size=3)),
    wishes(w.AddPerson, person_id=PEOPLE | ZOES, person_name=NAMES, role=ROLES, teams=st.lists(TEAMS)),
    wishes(w.ChangeRole, person_id=PEOPLE, role=ROLES),
    wishes(w.ChangeTeams, person_id=PEOPLE, teams=st.lists(TEAMS)),
    wishes(w.DeactivatePerson, person_id=PEOPLE),
    wishes(w.ExtendCatalogue, teams=st.lists(st.tuples(TEAMS, NAMES)), categories=st.lists(CATEGORIES.filter(len))),
)
# Saying a thing twice is two messages, and two updates that another system told of are two.
REPEATABLE = (c.ReplyToTicket, c.NoteOnTicket, c.TellUpdate, m.RemarkOnTicket, h.UrgeTicket, h.ReturnTicket)


@for_all(st.lists(ON_TICKETS | ON_TICKETS | ERASING, max_size=25))
def test_any_life_of_a_ticket(commands):
    begun = wish(c.OpenTicket, title="打印机坏了")
    state = lived([begun, *commands])
    assert state.reopenings <= len(commands)
    assert not state.fields or None not in state.fields.values()


@for_all(st.lists(ON_TICKETS, max_size=10))
def test_any_life_before_a_ticket_is_opened(commands):
    lived(commands)


@for_all(st.lists(ON_REQUESTERS, max_size=15))
def test_any_life_of_a_requester(commands):
    lived(commands)


@for_all(st.lists(ON_WORKSPACES, max_size=15))
def test_any_life_of_a_workspace(commands):
    state = lived(commands, DESK)
    names = [team.name for team in state.teams.values()]
    assert len(names) == len(set(names))


def lived(commands: list[Command], state: Any = None) -> Any:
    """The state after the commands that were not refused, each of them given twice."""
    if state is None:
        state = INITIAL[commands[0].AGGREGATE] if commands else Ticket()
    for command in commands:
        after = _done(command, state)
        if after is not state and not isinstance(command, REPEATABLE):
            again = decided(command, after, _desk(command, after))
            assert again.events == [], "the same command again changed something"
        state = after
    return state


def _done(command: Command, state: Any) -> Any:
    outcome = decided(command, state, _desk(command, state))
    if outcome.refusal is not None:
        assert str(outcome.refusal).endswith((".", ")")) or outcome.refusal.code == "invalid_input"
        assert "<" not in str(outcome.refusal), "an object shown to people"
        return state
    for event in outcome.events:
        _says_what_was(event, state)
        assert type(event).model_validate_json(event.model_dump_json()) == event
        state = folded(state, event)
    return state


def _desk(command: Command, state: Any) -> Any:
    return state if command.AGGREGATE == "workspace" else DESK


def _says_what_was(event: Event, state: Any) -> None:
    match event:
        case e.StatusEvent():
            assert (event.previous, event.previous_kind) == (state.status, state.kind)
        case e.TicketFieldsSet():
            assert event.previous == {name: state.fields.get(name) for name in event.fields}
        case w.RoleChanged():
            assert event.previous is state.people[event.person_id].role
        case w.TeamsChanged():
            assert set(event.previous) == state.people[event.person_id].teams
        case e.TicketTagged() | e.TicketUntagged():
            assert (event.tag in state.tags) == isinstance(event, e.TicketUntagged)
        case k.TicketSnoozed():
            assert event.previous == state.marks.snoozed_until
        case e.TicketAssigned() | h.TicketClaimed() | h.TicketTransferred() | h.TicketReturned():
            assert event.previous == state.assignee != event.assignee
        case Event() if "previous" in type(event).model_fields:
            (changed,) = type(event).model_fields.keys() - {"previous"}
            assert event.previous == getattr(state, changed)
            assert event.previous != getattr(event, changed)


@pytest.mark.parametrize("status", DESK.statuses.values(), ids=DESK.statuses)
def test_every_status_can_be_left_and_every_way_that_is_offered_is_open(status):
    legal = DESK.next_statuses(status)
    assert legal
    begun = e.TicketOpened(number="T-1", title="x", status=status.key, kind=status.kind)
    for other in legal:
        assert decided(wish(c.MoveTicket, status=other.key), folded(Ticket(), begun), DESK).events

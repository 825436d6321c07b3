"""One event of every type, to write its golden file from."""

from datetime import UTC, datetime
from uuid import UUID

from domain import exports, requester, workspace
from domain.event import Event
from domain.permissions import RoleName
from domain.ticket import events as ticket
from domain.values import Assignee, AssignmentReason, Priority, StatusKind
from tests.eventstore import (
    samples_inbox,
    samples_promises,
    samples_rules,
    samples_setup,
    samples_staff,
    samples_tickets,
    samples_views,
    samples_webhooks,
)

ID = UUID("018f0000-0000-7000-8000-000000000001")
OTHER = UUID("018f0000-0000-7000-8000-000000000002")
DUE = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
MOVE = {"status": "resolved", "kind": StatusKind.RESOLVED, "previous": "open", "previous_kind": StatusKind.OPEN}
PERSON = {"requester_name": "王小明", "email": "wang@example.cn", "phone": "+86 10 1234"}

SAMPLES: tuple[Event, ...] = (
    requester.RequesterRegistered(**PERSON),
    requester.RequesterChanged(**PERSON | {"phone": None}),
    requester.RequesterErasureRequested(reason="asked by mail"),
    requester.RequesterWasErased(),
    ticket.TicketOpened(
        number="1001",
        title="打印机坏了",
        description="It blinks twice, then nothing.",
        fields={"room": "B-12", "seats": 4, "urgent": True},
        status="new",
        kind=StatusKind.NEW,
        priority=Priority.HIGH,
        type="incident",
        category=("Hardware", "Printers"),
        tags=("printer", "二楼"),
        due_at=DUE,
        requester_id=OTHER,
        source="api",
        assignee=Assignee(team=ID, person=OTHER),
    ),
    ticket.TicketRetitled(title="Printer is dead", previous="打印机坏了"),
    ticket.TicketDescribed(description="It does not blink any more.", previous=""),
    ticket.TicketFieldsSet(fields={"room": "B-13", "seats": None}, previous={"room": "B-12", "seats": 4}),
    ticket.TicketTyped(type="problem", previous=None),
    ticket.TicketCategorised(category=("Hardware",), previous=()),
    ticket.TicketDueSet(due_at=DUE, previous=None),
    ticket.TicketPrioritised(priority=Priority.URGENT, previous=Priority.NORMAL),
    ticket.TicketRequesterSet(requester_id=OTHER, previous=None),
    ticket.TicketAssigned(
        assignee=Assignee(team=ID, person=OTHER),
        previous=Assignee(team=ID),
        reason=AssignmentReason(how="best_skill", among=3, open=2, skill="vpn", level=4),
    ),
    ticket.TicketMoved(**MOVE | {"status": "pending", "kind": StatusKind.PENDING}),
    ticket.TicketResolved(**MOVE),
    ticket.TicketReopened(status="open", kind=StatusKind.OPEN, previous="resolved", previous_kind=StatusKind.RESOLVED),
    ticket.TicketClosed(**MOVE | {"status": "closed", "kind": StatusKind.CLOSED}),
    ticket.TicketTagged(tag="printer"),
    ticket.TicketUntagged(tag="printer"),
    ticket.TicketReplied(message_id=ID, body="我们正在修。We are on it."),
    ticket.TicketNoted(message_id=ID, body="Same one as last week."),
    ticket.TicketUpdateTold(),
    ticket.TicketErasureRequested(reason="asked by mail"),
    ticket.TicketErased(),
    workspace.WorkspaceCreated(slug="acme", title="Acme 客服"),
    workspace.StatusAdded(key="waiting", title="Waiting for parts", kind=StatusKind.PENDING),
    workspace.TeamAdded(team_id=ID, title="Billing"),
    workspace.CategoryAdded(path=("Hardware", "Printers")),
    workspace.PersonAdded(
        person_id=OTHER, person_name="Ann", email="ann@example.com", role=RoleName.AGENT, teams=(ID,)
    ),
    workspace.RoleChanged(person_id=OTHER, role=RoleName.LEAD, previous=RoleName.AGENT),
    workspace.TeamsChanged(person_id=OTHER, teams=(ID,), previous=()),
    workspace.PersonDeactivated(person_id=OTHER),
    exports.WorkspaceExported(
        job_id=ID, what=exports.What.TICKETS, format=exports.Format.XLSX, columns=("number", "title"), rows=200_000
    ),
    *samples_tickets.SAMPLES,
    *samples_setup.SAMPLES,
    *samples_promises.SAMPLES,
    *samples_rules.SAMPLES,
    *samples_staff.SAMPLES_STAFF,
    *samples_views.SAMPLES,
    *samples_webhooks.SAMPLES,
    *samples_inbox.SAMPLES_INBOX,
)

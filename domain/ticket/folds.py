"""How each event changes a ticket's row. Pure: the list reads and writes the rows, rules look at them."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from domain.catalogue import shown
from domain.event import Event, Recorded
from domain.ticket import (
    calling,
    confidential,
    drafting,
    escalating,
    flowing,
    handling,
    marking,
    messages,
    promising,
    reporting,
    settling,
    telling,
    ties,
    undoing,
)
from domain.ticket import events as e
from domain.ticket.restored import put_back
from domain.ticket.row import FRESH, Row, joined
from domain.values import FINISHED, StatusKind

Fold = Callable[[Row, Any, Recorded[Event]], None]
FOLDS: dict[type[Event], Fold] = {}


def _folds(*events: type[Event]) -> Callable[[Fold], Fold]:
    def register(fold: Fold) -> Fold:
        FOLDS.update(dict.fromkeys(events, fold))
        return fold

    return register


def _opened(recorded: Recorded[Event]) -> Row:
    event = cast("e.TicketOpened", recorded.event)
    at = recorded.metadata.occurred_at
    row = Row(
        workspace_id=recorded.metadata.workspace_id,
        ticket_id=recorded.stream_id,
        number=event.number,
        title=shown(event.title),
        status=event.status,
        kind=event.kind.value,
        priority=event.priority.value,
        type=event.type,
        category=list(event.category),
        assignee_person=event.assignee.person,
        assignee_team=event.assignee.team,
        assignee_role=event.assignee.role,
        candidates=list(event.assignee.people),
        requester_id=event.requester_id,
        tags=list(event.tags),
        fields=shown(event.fields),
        source=event.source,
        due_at=event.due_at,
        opened_at=at,
        updated_at=at,
        version=recorded.version,
        position=recorded.position,
        **FRESH,
        followers=[],
        consulted=[],
    )
    _times(row, at)
    return row


@_folds(e.TicketRetitled)
def _(row: Row, event: e.TicketRetitled, _: Recorded[Event]) -> None:
    row.title = shown(event.title)


@_folds(e.TicketFieldsSet)
def _(row: Row, event: e.TicketFieldsSet, _: Recorded[Event]) -> None:
    set_now = shown(event.fields)
    if row.fields is None or set_now is None:
        row.fields = None
        return
    row.fields = {name: value for name, value in {**row.fields, **set_now}.items() if value is not None}


@_folds(e.TicketTyped)
def _(row: Row, event: e.TicketTyped, _: Recorded[Event]) -> None:
    row.type = event.type


@_folds(e.TicketCategorised)
def _(row: Row, event: e.TicketCategorised, _: Recorded[Event]) -> None:
    row.category = list(event.category)


@_folds(e.TicketDueSet)
def _(row: Row, event: e.TicketDueSet, _: Recorded[Event]) -> None:
    row.due_at = event.due_at


@_folds(e.TicketPrioritised)
def _(row: Row, event: e.TicketPrioritised, _: Recorded[Event]) -> None:
    row.priority = event.priority.value


@_folds(e.TicketRequesterSet)
def _(row: Row, event: e.TicketRequesterSet, _: Recorded[Event]) -> None:
    row.requester_id = event.requester_id


Handed = e.TicketAssigned | handling.TicketClaimed | handling.TicketTransferred | handling.TicketReturned


@_folds(e.TicketAssigned, handling.TicketClaimed, handling.TicketTransferred, handling.TicketReturned)
def _(row: Row, event: Handed, _: Recorded[Event]) -> None:
    row.reassignments += event.assignee.team != row.assignee_team
    row.transfers += isinstance(event, handling.TicketTransferred)
    row.returns += isinstance(event, handling.TicketReturned)
    row.assign(event.assignee)


Moved = e.StatusEvent | ties.TicketMergedInto | ties.TicketMergeUndone | ties.TicketWithdrawn


@_folds(e.TicketMoved, e.TicketResolved, e.TicketReopened, e.TicketClosed)
@_folds(e.TicketAccepted, e.TicketConfirmed, settling.TicketRated)
def _(row: Row, event: e.StatusEvent, recorded: Recorded[Event]) -> None:
    _move(row, event, recorded)
    row.reopenings += isinstance(event, e.TicketReopened)
    if isinstance(event, settling.TicketRated):
        row.rating = event.stars
    if isinstance(event, e.TicketAccepted) and row.accepted_at is None:
        row.accepted_at = recorded.metadata.occurred_at


def _move(row: Row, event: Moved, recorded: Recorded[Event]) -> None:
    row.status, row.kind = event.status, event.kind.value
    _times(row, recorded.metadata.occurred_at)


def _times(row: Row, at: datetime) -> None:
    """What the kind of the status says of when work ended: a ticket that is open again never ended."""
    kind = row.kind
    row.closed_at = (row.closed_at or at) if kind == StatusKind.CLOSED else None
    if kind == StatusKind.RESOLVED:
        row.resolved_at, row.confirmed_at = at, None
    elif kind == StatusKind.CONFIRMED:
        row.confirmed_at = at
    elif kind not in FINISHED:
        row.resolved_at = row.confirmed_at = None


@_folds(ties.TicketMergedInto)
def _(row: Row, event: ties.TicketMergedInto, recorded: Recorded[Event]) -> None:
    row.merged_into = event.into
    _move(row, event, recorded)


@_folds(ties.TicketMergeUndone)
def _(row: Row, event: ties.TicketMergeUndone, _: Recorded[Event]) -> None:
    # When it was resolved or confirmed did not change while it was away.
    row.merged_into, row.status, row.kind = None, event.status, event.kind.value
    row.closed_at = row.closed_at if event.kind is StatusKind.CLOSED else None


@_folds(ties.TicketWithdrawn)
def _(row: Row, event: ties.TicketWithdrawn, recorded: Recorded[Event]) -> None:
    row.withdrawn = True
    _move(row, event, recorded)


@_folds(ties.TicketLinked)
def _(row: Row, event: ties.TicketLinked, _: Recorded[Event]) -> None:
    if event.relation == "parent":
        row.parent = event.other


@_folds(ties.TicketUnlinked)
def _(row: Row, event: ties.TicketUnlinked, _: Recorded[Event]) -> None:
    if event.relation == "parent":
        row.parent = None


@_folds(ties.TicketAbsorbed)
def _(row: Row, event: ties.TicketAbsorbed, _: Recorded[Event]) -> None:
    row.followers = joined(row.followers, event.followers)


@_folds(ties.TicketReleased)
def _(row: Row, event: ties.TicketReleased, _: Recorded[Event]) -> None:
    row.followers = [person for person in row.followers if person not in event.followers]


@_folds(e.TicketTagged)
def _(row: Row, event: e.TicketTagged, _: Recorded[Event]) -> None:
    row.tags = [*(tag for tag in row.tags if tag != event.tag), event.tag]


@_folds(e.TicketUntagged)
def _(row: Row, event: e.TicketUntagged, _: Recorded[Event]) -> None:
    row.tags = [tag for tag in row.tags if tag != event.tag]


@_folds(e.TicketReplied)
def _(row: Row, _event: e.TicketReplied, recorded: Recorded[Event]) -> None:
    at, kind = recorded.metadata.occurred_at, recorded.metadata.actor.kind
    row.replies += 1
    if kind == "requester":
        row.last_requester_reply_at = at
        return
    row.last_reply_at = at
    if row.first_response_at is None and kind == "person":
        row.first_response_at = at


@_folds(e.TicketNoted)
def _(row: Row, _event: e.TicketNoted, _: Recorded[Event]) -> None:
    row.notes += 1


@_folds(handling.TicketUrged)
def _(row: Row, event: handling.TicketUrged, _: Recorded[Event]) -> None:
    row.urges = event.count


@_folds(escalating.TicketEscalated)
def _(row: Row, event: escalating.TicketEscalated, _: Recorded[Event]) -> None:
    row.level = max(row.level, event.level)


@_folds(marking.TicketFollowed)
def _(row: Row, event: marking.TicketFollowed, _: Recorded[Event]) -> None:
    row.followers = joined(row.followers, [event.person_id])


@_folds(marking.TicketUnfollowed)
def _(row: Row, event: marking.TicketUnfollowed, _: Recorded[Event]) -> None:
    row.followers = [person for person in row.followers if person != event.person_id]


@_folds(messages.TicketMentioned, flowing.ApproverAdded)
def _(row: Row, event: messages.TicketMentioned | flowing.ApproverAdded, _: Recorded[Event]) -> None:
    row.consulted = joined(row.consulted, [event.person_id])


@_folds(flowing.ApprovalRequested)
def _(row: Row, event: flowing.ApprovalRequested, _: Recorded[Event]) -> None:
    row.consulted = joined(row.consulted, event.approvers)


@_folds(flowing.TicketFormPinned)
def _(row: Row, event: flowing.TicketFormPinned, _: Recorded[Event]) -> None:
    row.workflow = event.workflow.key if event.workflow else None
    row.node = row.node if event.workflow else None


@_folds(flowing.TicketStepEntered)
def _(row: Row, event: flowing.TicketStepEntered, _: Recorded[Event]) -> None:
    row.node = event.node


@_folds(marking.TicketSnoozed)
def _(row: Row, event: marking.TicketSnoozed, _: Recorded[Event]) -> None:
    row.snoozed, row.snoozed_until = True, event.until


@_folds(marking.TicketWoken)
def _(row: Row, _event: marking.TicketWoken, _: Recorded[Event]) -> None:
    row.snoozed, row.snoozed_until = False, None


def wake(row: Row, now: datetime) -> None:
    """What was snoozed until a time that has come sleeps no longer, whether somebody says so or not."""
    if row.snoozed and row.snoozed_until is not None and row.snoozed_until <= now:
        row.snoozed, row.snoozed_until = False, None


@_folds(marking.TicketPinned, marking.TicketUnpinned)
def _(row: Row, event: Event, _: Recorded[Event]) -> None:
    row.pinned = isinstance(event, marking.TicketPinned)


@_folds(marking.TicketMarkedSpam, marking.TicketUnmarkedSpam)
def _(row: Row, event: Event, _: Recorded[Event]) -> None:
    row.spam = isinstance(event, marking.TicketMarkedSpam)


@_folds(marking.TicketArchived)
def _(row: Row, _event: marking.TicketArchived, recorded: Recorded[Event]) -> None:
    row.archived_at = recorded.metadata.occurred_at


@_folds(e.TicketUnarchived)
def _(row: Row, _event: e.TicketUnarchived, _: Recorded[Event]) -> None:
    row.archived_at = None


@_folds(undoing.TicketUndone)
def _(row: Row, event: undoing.TicketUndone, recorded: Recorded[Event]) -> None:
    at = recorded.metadata.occurred_at
    put_back(row, event.restored, at)
    if not event.restored.keys().isdisjoint(("status", "kind")):
        _times(row, at)
        row.accepted_at = None if row.kind == StatusKind.NEW else row.accepted_at
    content = shown(event.content)
    if content is None:
        row.title = row.fields = None
        return
    row.title = content.get("title", row.title)
    row.fields = content.get("fields", row.fields)


@_folds(e.TicketErasureRequested)
def _(row: Row, _event: e.TicketErasureRequested, _: Recorded[Event]) -> None:
    row.erased = True


@_folds(e.TicketDescribed, e.TicketUpdateTold)
@_folds(messages.TicketRemarked, messages.TicketAttached, messages.TicketAttachmentRemoved)
@_folds(messages.TicketMessageRedacted, confidential.TicketConfidentialSet, confidential.TicketConfidentialViewed)
@_folds(ties.TicketSplitOff, ties.TicketSplitUndone, ties.TicketSplitFrom, drafting.TicketFormSaved)
@_folds(reporting.TicketRuleRefused, reporting.TicketRulesCut)
@_folds(telling.TicketNoticeGiven, calling.TicketWebhookCalled)
@_folds(promising.TicketPromised, promising.TicketBreached, promising.TicketReminded)
@_folds(flowing.TicketStepSubmitted, flowing.ApprovalGiven, flowing.ApprovalRefused, flowing.ApprovalWithdrawn)
def _(_row: Row, _event: Event, _: Recorded[Event]) -> None:
    """Only the time and the version move."""


def fold(rows: dict[UUID, Row], recorded: Recorded[Event]) -> None:
    """Bring the ticket's row to after the event; what it has seen already changes nothing."""
    row = rows.get(recorded.stream_id)
    if isinstance(recorded.event, e.TicketOpened):
        if row is None:
            rows[recorded.stream_id] = _opened(recorded)
        return
    # No row: it is a draft, or it was deleted later on and this page is being applied again.
    if row is None or recorded.position <= row.position:
        return
    FOLDS[type(recorded.event)](row, recorded.event, recorded)
    row.version, row.position = recorded.version, recorded.position
    if recorded.event.CHANGES:
        row.updated_at = recorded.metadata.occurred_at


def listed(events: Iterable[Recorded[Event]]) -> Row:
    """The row that a ticket's events, from the first on, lead to."""
    rows: dict[UUID, Row] = {}
    for recorded in events:
        if isinstance(recorded.event, e.TicketOpened) or type(recorded.event) in FOLDS:
            fold(rows, recorded)
    (row,) = rows.values()
    return row

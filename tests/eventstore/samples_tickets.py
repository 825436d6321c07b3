"""One event of every type of a ticket's working life, to write its golden file from."""

from datetime import UTC, datetime
from uuid import UUID

from domain.event import Actor, Event
from domain.receivers import Receivers
from domain.ticket import (
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
from domain.ticket import events as ticket
from domain.values import Assignee, Pinned, Priority, StatusKind

ID = UUID("018f0000-0000-7000-8000-000000000001")
OTHER = UUID("018f0000-0000-7000-8000-000000000002")
THIRD = UUID("018f0000-0000-7000-8000-000000000003")
DUE = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
CLOSED = {"status": "closed", "kind": StatusKind.CLOSED, "previous": "open", "previous_kind": StatusKind.OPEN}
REOPENED = {"status": "open", "kind": StatusKind.OPEN, "previous": "closed", "previous_kind": StatusKind.CLOSED}
PERSON = Assignee(team=ID, person=OTHER)
SEVERAL = Assignee(people=(OTHER, THIRD))
FORM = {"title": "打印机坏了", "fields": {"room": "B-12", "seats": 4}}

SAMPLES: tuple[Event, ...] = (
    ticket.TicketAccepted(status="open", kind=StatusKind.OPEN, previous="new", previous_kind=StatusKind.NEW),
    ticket.TicketConfirmed(
        status="confirmed", kind=StatusKind.CONFIRMED, previous="resolved", previous_kind=StatusKind.RESOLVED
    ),
    handling.TicketClaimed(assignee=PERSON, previous=Assignee(team=ID)),
    handling.TicketTransferred(assignee=Assignee(role="lead"), previous=PERSON, note="客户很着急"),
    handling.TicketReturned(assignee=PERSON, previous=SEVERAL, reason="Not ours: it is a cable."),
    handling.TicketUrged(message_id=ID, body="Any news?", count=2, internal=True),
    escalating.TicketEscalated(
        level=2,
        to=Receivers(roles=("lead", "control_room"), people=(OTHER,)),
        team=ID,
        step="vip/late",
        reason="客户很着急",
    ),
    telling.TicketNoticeGiven(to=Receivers(roles=("lead",)), requester=True, text="客户很着急。Please look."),
    promising.TicketPromised(
        policy=Pinned(key="vip", version=3),
        calendar=Pinned(key="china", version=2),
        previous=Pinned(key="vip", version=2),
    ),
    promising.TicketBreached(
        measure="first_response",
        since=DUE,
        due_at=DUE,
        policy=Pinned(key="vip", version=3),
        calendar=Pinned(key="china", version=2),
    ),
    promising.TicketReminded(
        step="vip/soon",
        count=2,
        measure="first_response",
        since=DUE,
        due_at=DUE,
        to=Receivers(roles=("handler", "lead")),
        policy=Pinned(key="vip", version=3),
    ),
    messages.TicketRemarked(message_id=ID, body="Also the one on the second floor. 二楼也是。"),
    messages.TicketAttached(
        attachment_id=ID,
        message_id=OTHER,
        internal=True,
        media_type="image/png",
        size=48_213,
        sha256="ab" * 32,
        file_name="打印机.png",
        key="c2VjcmV0",
    ),
    messages.TicketAttachmentRemoved(attachment_id=ID, sha256="ab" * 32, reason="sent by mistake"),
    messages.TicketMentioned(message_id=ID, person_id=OTHER),
    messages.TicketMessageRedacted(message_id=ID, reason="card number"),
    settling.TicketRated(
        status="rated",
        kind=StatusKind.RATED,
        previous="confirmed",
        previous_kind=StatusKind.CONFIRMED,
        stars=4,
        comment="Quick. 很快。",
        message_id=ID,
    ),
    marking.TicketFollowed(person_id=OTHER),
    marking.TicketUnfollowed(person_id=OTHER),
    marking.TicketSnoozed(until=DUE, previous=None),
    marking.TicketWoken(because="reply"),
    marking.TicketPinned(),
    marking.TicketUnpinned(),
    marking.TicketMarkedSpam(blocks=OTHER),
    marking.TicketUnmarkedSpam(unblocks=OTHER),
    marking.TicketArchived(),
    ticket.TicketUnarchived(),
    confidential.TicketConfidentialSet(text="door code 4711"),
    confidential.TicketConfidentialViewed(),
    ties.TicketMergedInto(into="1002", followers=(OTHER,), **CLOSED),
    ties.TicketMergeUndone(into="1002", **REOPENED),
    ties.TicketAbsorbed(absorbed="1001", followers=(OTHER,)),
    ties.TicketReleased(released="1001", followers=(OTHER,)),
    ties.TicketSplitOff(
        message_id=ID,
        into="1003",
        title="The scanner too",
        body="And the scanner does not scan.",
        requester_id=OTHER,
        priority=Priority.HIGH,
        type="incident",
        category=("Hardware",),
    ),
    ties.TicketSplitUndone(message_id=ID, into="1003"),
    ties.TicketSplitFrom(origin="1001", message_id=ID),
    ties.TicketWithdrawn(**CLOSED),
    ties.TicketLinked(relation="parent", other="1002"),
    ties.TicketUnlinked(relation="parent", other="1002"),
    undoing.TicketUndone(
        undoes=ID,
        restored={"priority": "normal"},
        previous={"priority": "high"},
        content={"title": "打印机坏了"},
        secret={"confidential": "pin 1234"},
    ),
    drafting.TicketDrafted(number="1001", author=Actor(kind="person", id=str(OTHER)), form=FORM),
    drafting.TicketDraftSaved(form=FORM),
    drafting.TicketFormSaved(fields={"room": "B-13"}),
    flowing.TicketFormPinned(template=Pinned(key="incident", version=3), workflow=Pinned(key="second-line", version=1)),
    flowing.TicketStepEntered(node="second_line", previous="first_line"),
    flowing.TicketStepSubmitted(node="first_line", next="second_line", note="Needs a technician."),
    flowing.ApprovalRequested(
        approval_id=ID,
        mode="all",
        approvers=(OTHER, THIRD),
        asked_by=Actor(kind="person", id=str(ID)),
        node="budget",
        required=True,
        note="新打印机",
    ),
    flowing.ApproverAdded(approval_id=ID, person_id=THIRD),
    flowing.ApprovalGiven(approval_id=ID, person_id=OTHER, granted=False, note="Fine with me."),
    flowing.ApprovalRefused(approval_id=ID, person_id=THIRD, reason="Too expensive."),
    flowing.ApprovalWithdrawn(approval_id=ID),
    reporting.TicketRuleRefused(key="close-old", because="illegal_move", action=2, do="close"),
    reporting.TicketRulesCut(because="loop", rules=(ID, OTHER), keys=("up", "down")),
)

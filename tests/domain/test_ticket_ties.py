"""Merging, splitting and linking: each half of it, and taking it back."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from domain.errors import InvalidInput
from domain.event import ERASED, SYSTEM, Actor, Event, Metadata, Recorded
from domain.ticket import events as e
from domain.ticket import ties as t
from domain.ticket.counterparts import CHANNEL, FIRST_HALVES, counterpart, taken_back
from domain.ticket.flowing import TicketFormPinned, TicketStepEntered
from domain.ticket.linking import INVERSE, HasParent, LinkCycle
from domain.ticket.marking import FollowTicket, MarkSpam, TicketFollowed, TicketMarkedSpam, TicketUnmarkedSpam
from domain.ticket.merging import NotMerged
from domain.ticket.messages import TicketAttached, TicketMessageRedacted, UnknownMessage
from domain.ticket.splitting import AlreadySplit, InternalMessage, NotSplit, SplitWorkedOn, files_of, must_be_untouched
from domain.ticket.state import Ticket, TicketErasedForEver, TicketMergedAway, UnknownTicket
from domain.values import Attachment, Priority, StatusKind
from tests.domain.kit import ANN, BOB, WORKSPACE, folded, given, id_of, opened, wish
from tests.domain.setups import READY

NEW = {"status": "new", "kind": StatusKind.NEW}
CLOSED = {"status": "closed", "kind": StatusKind.CLOSED}
WAS_NEW = {"previous": "new", "previous_kind": StatusKind.NEW}
WAS_CLOSED = {"previous": "closed", "previous_kind": StatusKind.CLOSED}
MERGED = t.TicketMergedInto(into="T-2", **CLOSED, **WAS_NEW)
ERASING = e.TicketErasureRequested(reason="asked")
SAID = e.TicketReplied(message_id=id_of("said"), body="And the scanner is broken too.")
ABSORBED = t.TicketAbsorbed(absorbed="T-2", followers=(ANN,))


def recorded(event: Event, **envelope: object) -> Recorded[Event]:
    """The event as the log has it."""
    now = datetime(2026, 11, 22, tzinfo=UTC)
    ann = Actor(kind="person", id=str(ANN))
    metadata = Metadata(id_of("event"), WORKSPACE, now, ann, "api", id_of("correlation"), id_of("command"))
    return Recorded(7, uuid4(), 3, now, metadata._replace(**envelope), event)


def test_a_merged_ticket_is_closed_and_names_who_follows_it():
    follows = [TicketFollowed(person_id=ANN), TicketFollowed(person_id=BOB)]
    both = tuple(sorted([ANN, BOB]))
    given(opened(), *follows).when(t.MergeTicket, into="T-2").then(MERGED.model_copy(update={"followers": both}))


def test_a_closed_duplicate_stays_in_its_own_closed_status():
    rejected = {"status": "rejected", "kind": StatusKind.CLOSED}
    was = {"previous": "rejected", "previous_kind": StatusKind.CLOSED}
    given(opened(**rejected)).when(t.MergeTicket, into="T-2").then(t.TicketMergedInto(into="T-2", **rejected, **was))


def test_a_merged_ticket_takes_no_more_work():
    merged = given(opened(), MERGED)
    assert "T-2" in merged.when(t.MergeTicket, into="T-3").then_refused(TicketMergedAway, into="T-2")
    merged.when(FollowTicket, person_id=ANN).then_refused(TicketMergedAway)


def test_a_ticket_is_not_merged_into_itself_or_out_of_nothing():
    given(opened()).when(t.MergeTicket, into="T-1").then_refused(InvalidInput, field="into")
    given().when(t.MergeTicket, into="T-2").then_refused(UnknownTicket)


@pytest.mark.parametrize("was", [NEW, CLOSED, {"status": "waiting_vendor", "kind": StatusKind.PENDING}])
def test_taking_a_merge_back_leaves_the_ticket_exactly_as_it_was(was):
    before = folded(Ticket(), opened(**was), TicketFollowed(person_id=ANN), SAID)
    outcome = given(opened(**was), TicketFollowed(person_id=ANN), SAID).when(t.MergeTicket, into="T-2")
    merged = folded(before, *outcome.events)
    assert merged != before
    undone = given(opened(**was), TicketFollowed(person_id=ANN), SAID, *outcome.events).when(t.UndoMerge)
    assert folded(merged, *undone.events) == before


def test_a_merge_is_taken_back_once():
    undone = t.TicketMergeUndone(into="T-2", **NEW, **WAS_CLOSED)
    given(opened(), MERGED).when(t.UndoMerge).then(undone)
    given(opened(), MERGED, undone).when(t.UndoMerge).then_refused(NotMerged)
    given(opened()).when(t.UndoMerge).then_refused(NotMerged)
    given().when(t.UndoMerge).then_refused(UnknownTicket)
    given(opened(), MERGED, ERASING).when(t.UndoMerge).then_refused(TicketErasedForEver)


def test_the_other_ticket_gets_the_followers_that_it_has_not():
    given(opened(), TicketFollowed(person_id=BOB)).when(t.AbsorbTicket, absorbed="T-2", followers=(ANN, BOB)).then(
        ABSORBED
    )


def test_the_other_ticket_gives_back_exactly_what_came():
    before = folded(Ticket(), opened(), TicketFollowed(person_id=BOB))
    released = t.TicketReleased(released="T-2", followers=(ANN,))
    given(opened(), TicketFollowed(person_id=BOB), ABSORBED).when(t.ReleaseTicket, released="T-2").then(released)
    assert folded(before, ABSORBED, released) == before


def test_the_other_half_of_a_merge_is_never_refused():
    given().when(t.AbsorbTicket, absorbed="T-2").then_nothing()
    given(opened(), ERASING).when(t.AbsorbTicket, absorbed="T-2").then_nothing()
    given(opened(), ABSORBED).when(t.AbsorbTicket, absorbed="T-2").then_nothing()
    given(opened()).when(t.ReleaseTicket, released="T-2").then_nothing()
    given(opened(), ABSORBED, ERASING).when(t.ReleaseTicket, released="T-2").then_nothing()


def test_of_two_that_are_merged_into_each_other_at_once_one_stays():
    given(opened(), MERGED).when(t.AbsorbTicket, absorbed="T-2").then(
        t.TicketMergeUndone(into="T-2", **NEW, **WAS_CLOSED), t.TicketAbsorbed(absorbed="T-2")
    )
    other = t.TicketMergedInto(into="T-0", **CLOSED, **WAS_NEW)
    given(opened(), other).when(t.AbsorbTicket, absorbed="T-0").then_nothing()


def test_a_ticket_that_is_merged_on_still_knows_what_it_absorbed():
    given(opened(), MERGED).when(t.AbsorbTicket, absorbed="T-3").then(t.TicketAbsorbed(absorbed="T-3"))


SPLIT = {"message_id": id_of("said"), "into": "T-2", "title": "Scanner", "body": "And the scanner is broken too."}
OFF = t.TicketSplitOff(**SPLIT, priority=Priority.HIGH, type="incident", category=("Hardware",))


def test_a_message_goes_on_with_what_it_was_about():
    was = opened(priority=Priority.HIGH, type="incident", category=("Hardware",))
    given(was, SAID).when(t.SplitTicket, **SPLIT).then(OFF)


def test_only_a_message_that_the_requester_sees_goes_on_and_once():
    asked = {**SPLIT, "message_id": id_of("note")}
    given(opened(), SAID).when(t.SplitTicket, **asked).then_refused(UnknownMessage)
    note = e.TicketNoted(message_id=id_of("note"), body="Do not tell them")
    given(opened(), note).when(t.SplitTicket, **asked).then_refused(InternalMessage)
    redacted = TicketMessageRedacted(message_id=id_of("said"), reason="personal")
    given(opened(), SAID, redacted).when(t.SplitTicket, **SPLIT).then_refused(UnknownMessage)
    given(opened(), SAID, OFF).when(t.SplitTicket, **SPLIT | {"into": "T-9"}).then_refused(AlreadySplit, into="T-2")


def test_the_number_and_the_text_are_no_part_of_what_is_asked():
    asked = wish(t.SplitTicket, **SPLIT).model_dump()
    assert not asked.keys() & {"into", "body"}


def test_the_new_ticket_says_where_it_came_from():
    about = {"origin": "T-1", "message_id": id_of("said"), "title": "Scanner", "body": "Broken", "type": "gone"}
    given().when(t.OpenSplit, number="T-2", **about).then(
        opened(number="T-2", title="Scanner", description="Broken", type="gone", source="split"),
        t.TicketSplitFrom(origin="T-1", message_id=id_of("said")),
    )
    given(opened()).when(t.OpenSplit, **about).then_nothing()


FILE = {"attachment_id": id_of("file"), "media_type": "image/png", "size": 3, "sha256": "ab" * 32, "key": "k"}
ATTACHED = TicketAttached(**FILE, message_id=id_of("said"), file_name="scan.png")
CARRIED = Attachment(**FILE, name="scan.png")


def test_the_files_of_a_message_go_on_with_it():
    other = ATTACHED.model_copy(update={"attachment_id": id_of("other"), "message_id": None})
    assert files_of(id_of("said"), folded(Ticket(), opened(), SAID, ATTACHED, other)) == (CARRIED,)
    about = {"origin": "T-1", "message_id": id_of("said"), "title": "Scanner", "body": "Broken", "files": (CARRIED,)}
    *_, attached = given().when(t.OpenSplit, number="T-2", **about).events
    assert attached == ATTACHED.model_copy(update={"message_id": None})


def test_a_ticket_that_is_split_off_begins_its_form_and_its_workflow():
    about = {"origin": "T-1", "message_id": id_of("said"), "title": "Scanner", "body": "Broken", "type": "incident"}
    events = given(desk=READY).when(t.OpenSplit, number="T-2", **about).events
    assert [type(each) for each in events] == [
        e.TicketOpened,
        TicketFormPinned,
        TicketStepEntered,
        e.TicketAssigned,
        t.TicketSplitFrom,
    ]


def test_taking_a_split_back_leaves_the_first_ticket_exactly_as_it_was():
    before = folded(Ticket(), opened(), SAID)
    undone = t.TicketSplitUndone(message_id=id_of("said"), into="T-2")
    given(opened(), SAID, OFF).when(t.UndoSplit, into="T-2").then(undone)
    assert folded(before, OFF, undone) == before
    given(opened(), SAID, OFF, undone).when(t.UndoSplit, into="T-2").then_refused(NotSplit, into="T-2")


FROM = t.TicketSplitFrom(origin="T-0", message_id=id_of("said"))


def test_the_new_ticket_is_withdrawn_once_and_sends_people_back():
    withdrawn = t.TicketWithdrawn(**CLOSED, **WAS_NEW)
    given(opened(), FROM).when(t.WithdrawSplit, origin="T-0").then(withdrawn)
    given(opened(), FROM, withdrawn).when(t.WithdrawSplit, origin="T-0").then_nothing()
    given(opened()).when(t.WithdrawSplit, origin="T-0").then_nothing()
    given(opened(), FROM, withdrawn).when(FollowTicket, person_id=ANN).then_refused(TicketMergedAway, into="T-0")
    given(opened(), FROM, withdrawn).when(t.UndoMerge).then_refused(NotMerged)


@pytest.mark.parametrize(
    "work",
    [
        [SAID],
        [MERGED],
        [ATTACHED.model_copy(update={"attachment_id": id_of("mine")})],
        [e.TicketResolved(status="resolved", kind="resolved", **WAS_NEW)],
    ],
)
def test_nobody_s_work_is_hidden_by_taking_a_split_back(work):
    asked = wish(t.UndoSplit, number="T-0", into="T-1")
    origin = folded(Ticket(), opened(number="T-0"), ATTACHED)
    must_be_untouched(asked, folded(Ticket(), opened(), FROM), origin)
    must_be_untouched(asked, folded(Ticket(), opened(), FROM, ATTACHED), origin)
    with pytest.raises(SplitWorkedOn):
        must_be_untouched(asked, folded(Ticket(), opened(), FROM, ATTACHED, *work), origin)
    # Nor by whoever looked before that work was done.
    came = frozenset({ATTACHED.attachment_id})
    given(opened(), FROM, ATTACHED, *work).when(t.WithdrawSplit, origin="T-0", came=came).then_nothing()


def test_a_split_that_cannot_be_taken_back_stands_as_it_was():
    undone = t.TicketSplitUndone(message_id=id_of("said"), into="T-2")
    before = folded(Ticket(), opened(), SAID, OFF)
    assert given(opened(), SAID, OFF, undone).when(t.KeepSplit, split=OFF).then(OFF) == before
    given(opened(), SAID, OFF).when(t.KeepSplit, split=OFF).then_nothing()


def linked(relation: str = "parent", other: str = "T-2") -> t.TicketLinked:
    return t.TicketLinked(relation=relation, other=other)


@pytest.mark.parametrize("relation", INVERSE)
def test_tickets_are_linked_and_unlinked_once(relation):
    asked = {"relation": relation, "other": "T-2"}
    given(opened()).when(t.LinkTicket, **asked).then(linked(relation))
    given(opened(), linked(relation)).when(t.LinkTicket, **asked).then_nothing()
    given(opened(), linked(relation)).when(t.UnlinkTicket, **asked).then(t.TicketUnlinked(**asked))
    given(opened()).when(t.UnlinkTicket, **asked).then_nothing()
    assert folded(Ticket(), opened(), linked(relation), t.TicketUnlinked(**asked)) == folded(Ticket(), opened())


def test_a_ticket_has_one_parent():
    given(opened(), linked()).when(t.LinkTicket, relation="parent", other="T-3").then_refused(HasParent, parent="T-2")


def test_no_ticket_is_above_itself():
    asked = {"relation": "parent", "other": "T-2"}
    given(opened()).when(t.LinkTicket, **asked, ancestors=("T-2", "T-5", "T-1")).then_refused(LinkCycle)
    given(opened()).when(t.LinkTicket, **asked, ancestors=("T-2", "T-5")).then(linked())
    below = {"relation": "child", "other": "T-2"}
    given(opened()).when(t.LinkTicket, **below, ancestors=("T-1", "T-2")).then_refused(LinkCycle)
    given(opened()).when(t.LinkTicket, relation="related", other="T-1").then_refused(LinkCycle)


def test_the_other_half_of_a_link_is_never_refused():
    child, parent = {"relation": "child", "other": "T-2"}, {"relation": "parent", "other": "T-2"}
    given(opened()).when(t.LinkBack, **child).then(linked("child"))
    given(opened(), linked("child")).when(t.LinkBack, **child).then_nothing()
    given(opened(), linked("parent", "T-9")).when(t.LinkBack, **parent).then_nothing()
    given(opened(), linked("parent")).when(t.LinkBack, **child).then_nothing()
    given().when(t.LinkBack, **child).then_nothing()
    given(opened(), MERGED, linked("child")).when(t.UnlinkBack, **child).then(t.TicketUnlinked(**child))
    given(opened()).when(t.UnlinkBack, **child).then_nothing()


@pytest.mark.parametrize(
    ("event", "kind", "asked"),
    [
        (MERGED, t.AbsorbTicket, {"number": "T-2", "absorbed": "T-1"}),
        (t.TicketMergeUndone(into="T-2", **NEW, **WAS_CLOSED), t.ReleaseTicket, {"number": "T-2", "released": "T-1"}),
        (OFF, t.OpenSplit, {"number": "T-2", "origin": "T-1", "title": "Scanner", "priority": "high"}),
        (t.TicketSplitUndone(message_id=id_of("said"), into="T-2"), t.WithdrawSplit, {"number": "T-2", "origin": "T-1"}),
        (linked(), t.LinkBack, {"number": "T-2", "relation": "child", "other": "T-1"}),
        (t.TicketUnlinked(relation="duplicate", other="T-2"), t.UnlinkBack, {"relation": "original", "other": "T-1"}),
    ],
    ids=lambda value: getattr(value, "NAME", ""),
)  # fmt: skip
def test_the_other_half_follows_from_the_first_alone(event, kind, asked):
    command = counterpart(recorded(event), "T-1")
    assert isinstance(command, kind)
    assert {name: getattr(command, name) for name in asked} == asked
    assert (command.by, command.on_behalf_of) == (SYSTEM, Actor(kind="person", id=str(ANN)))
    assert command.causation_id == id_of("event")
    assert command == counterpart(recorded(event), "T-1")
    assert command.command_id != id_of("command")


def test_every_first_half_has_a_second():
    assert {MERGED.__class__, OFF.__class__, linked().__class__, TicketMarkedSpam} <= set(FIRST_HALVES)


def test_a_sender_is_blocked_with_the_spam_and_let_in_again():
    zoe = id_of("zoe")
    blocked = counterpart(recorded(TicketMarkedSpam(blocks=zoe)), "T-1")
    assert (blocked.requester_id, blocked.ticket) == (zoe, "T-1")
    assert counterpart(recorded(TicketUnmarkedSpam(unblocks=zoe)), "T-1").requester_id == zoe
    assert counterpart(recorded(TicketMarkedSpam()), "T-1") is None
    outcome = given(opened(requester_id=zoe)).when(MarkSpam, block=True)
    assert [counterpart(recorded(event), "T-1").requester_id for event in outcome.events] == [zoe]


def test_the_second_half_of_a_link_asks_for_no_third():
    assert counterpart(recorded(linked(), channel=CHANNEL), "T-1") is None


def test_what_was_erased_before_it_was_split_does_not_come_back():
    assert counterpart(recorded(OFF.model_copy(update={"body": ERASED, "title": ERASED})), "T-1") is None


def test_a_link_that_cannot_be_made_there_is_taken_back_here():
    second = counterpart(recorded(linked()), "T-1")
    undoing = taken_back(second)
    assert (undoing.number, undoing.relation, undoing.other) == ("T-1", "parent", "T-2")
    assert undoing.command_id != second.command_id

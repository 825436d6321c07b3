"""Marking as read, and that one action is one notification."""

from domain.errors import InvalidInput
from domain.event import Actor
from domain.inbox.notification import NotificationSent, SendNotification, Told
from domain.inbox.preferences import Channel, Kind
from domain.inbox.reading import AnothersInbox, InboxRead, ReadNotifications
from tests.domain.kit import ANN, BOB, NOON, given, id_of, person

ABOUT = {
    "ticket_id": id_of("T-1"),
    "number": "T-1",
    "doer": Actor(kind="person", id=str(BOB)),
    "happened_at": NOON,
    "first": 3,
    "last": 4,
}


def told(who, *kinds):
    return Told(person_id=who, kinds=kinds, channels=(Channel.INBOX,))


def sent(*people):
    return NotificationSent(**ABOUT, told=people)


def send(*people):
    return {"notification_id": id_of("action"), "told": people, **ABOUT}


def test_who_has_been_told_of_an_action_hears_only_what_is_new():
    before = sent(told(ANN, Kind.FOLLOWED))
    given(before).when(SendNotification, **send(told(ANN, Kind.FOLLOWED))).then_nothing()
    again = send(told(ANN, Kind.ASSIGNED, Kind.FOLLOWED), told(BOB, Kind.FOLLOWED))
    both = (told(ANN, Kind.ASSIGNED, Kind.FOLLOWED), told(BOB, Kind.FOLLOWED))
    given(before).when(SendNotification, **again).then(sent(*both))


def test_all_reasons_are_named_each_time():
    before = sent(told(ANN, Kind.FOLLOWED))
    more = send(told(ANN, Kind.MENTIONED))
    given(before).when(SendNotification, **more).then(sent(told(ANN, Kind.MENTIONED, Kind.FOLLOWED)))


def test_reading_up_to_a_place_only_goes_forward():
    mine = {"by": person("ann"), "person_id": ANN}
    given().when(ReadNotifications, upto=7, **mine).then(InboxRead(person_id=ANN, upto=7))
    given(InboxRead(person_id=ANN, upto=7)).when(ReadNotifications, upto=6, **mine).then_nothing()


def test_a_notification_is_read_once():
    mine = {"by": person("ann"), "person_id": ANN}
    one, other = id_of("one"), id_of("other")
    before = InboxRead(person_id=ANN, upto=7, notifications=(one,))
    given(before).when(ReadNotifications, notifications=(one,), **mine).then_nothing()
    given(before).when(ReadNotifications, notifications=(one, other, other), **mine).then(
        InboxRead(person_id=ANN, upto=7, notifications=(other,))
    )


def test_nobody_reads_for_another_or_reads_nothing():
    given().when(ReadNotifications, by=person("bob"), person_id=ANN, upto=7).then_refused(AnothersInbox)
    given().when(ReadNotifications, by=person("ann"), person_id=ANN).then_refused(InvalidInput, field="upto")

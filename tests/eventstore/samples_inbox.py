"""One event of every type of telling people, to write its golden file from."""

from datetime import UTC, datetime
from uuid import UUID

from domain.event import Actor, Event
from domain.inbox.notification import NotificationSent, Told
from domain.inbox.preferences import Channel, Digest, Kind, Preferences, Quiet
from domain.inbox.reading import InboxRead
from domain.setup.notifications import NotificationsSet
from domain.setup.streaming import StreamSet
from domain.streaming import USUALLY, Shown

ID = UUID("018f0000-0000-7000-8000-000000000001")
OTHER = UUID("018f0000-0000-7000-8000-000000000002")
NIGHTS = Preferences(
    channels={Kind.FOLLOWED: (), Kind.MENTIONED: (Channel.INBOX, Channel.MAIL)},
    quiet=Quiet(starts=1320, ends=480),
    digest=Digest(every="day", at=540),
    zone="Asia/Shanghai",
    language="zh-CN",
)

SAMPLES_INBOX: tuple[Event, ...] = (
    NotificationSent(
        ticket_id=ID,
        number="1001",
        doer=Actor(kind="person", id=str(ID)),
        happened_at=datetime(2026, 11, 30, 9, 0, tzinfo=UTC),
        first=4,
        last=6,
        told=(Told(person_id=OTHER, kinds=(Kind.MENTIONED, Kind.FOLLOWED), channels=(Channel.INBOX, Channel.MAIL)),),
    ),
    InboxRead(person_id=OTHER, upto=812, notifications=(ID,)),
    NotificationsSet(person_id=OTHER, preferences=NIGHTS, previous=Preferences()),
    StreamSet(shown=(Shown.TITLE,), previous=USUALLY, why="The warehouse is run by another company"),
)

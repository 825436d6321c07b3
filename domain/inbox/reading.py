"""What a person has read of their inbox (E6)."""

from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from pydantic import Field

from domain.catalogue import Catalogue
from domain.command import Command, Decision, decides, evolves
from domain.errors import InvalidInput, Refusal
from domain.event import Event
from domain.permissions import Permission

# How many single readings are remembered: a repeat of an older one is recorded again, which changes nothing.
REMEMBERED = 1_000


class InboxRead(Event, name="inbox.read", version=1):
    """A person has read everything up to a position of the log, and these notifications."""

    person_id: UUID
    upto: int = 0
    notifications: tuple[UUID, ...] = ()


class AnothersInbox(Refusal):
    """Nobody reads for somebody else."""

    code = "anothers_inbox"
    status = 403
    sentence = "This is the inbox of person {person}: only they mark what they have read."


@dataclass(frozen=True, slots=True)
class Inbox:
    """The state that decisions need."""

    upto: int = 0
    notifications: tuple[UUID, ...] = ()


class ReadNotifications(Command):
    """Mark one's notifications as read: all up to a position of the log, or some of them."""

    AGGREGATE = "inbox"
    person_id: UUID
    upto: int = Field(default=0, ge=0, lt=2**63)
    notifications: tuple[UUID, ...] = Field(default=(), max_length=500)
    # Those of them that are the person's and unread, where somebody looked: no part of what is asked.
    unread: tuple[UUID, ...] | None = Field(default=None, exclude=True)

    @property
    def stream_id(self) -> UUID:
        """The person's inbox."""
        return inbox_id(self.workspace_id, self.person_id)


def inbox_id(workspace: UUID, person: UUID) -> UUID:
    """The stream of a person's inbox."""
    return uuid5(workspace, f"inbox:{person}")


@decides(ReadNotifications, needs=Permission.WORKSPACE_VIEW)
def read(command: ReadNotifications, inbox: Inbox, _: Catalogue) -> Decision:
    """One's own. No change, no event."""
    if not command.by.trusted and command.by.id != str(command.person_id):
        raise AnothersInbox(person=command.person_id)
    if not command.upto and not command.notifications:
        raise InvalidInput(field="upto", reason="say what was read: up to which position, or which notifications")
    unread = command.notifications if command.unread is None else command.unread
    new = tuple(each for each in dict.fromkeys(unread) if each not in inbox.notifications)
    if command.upto <= inbox.upto and not new:
        return []
    return [InboxRead(person_id=command.person_id, upto=max(command.upto, inbox.upto), notifications=new)]


@evolves(InboxRead)
def _(inbox: Inbox, event: InboxRead) -> Inbox:
    return replace(inbox, upto=event.upto, notifications=(*inbox.notifications, *event.notifications)[-REMEMBERED:])

"""Notifications: one for one action on a ticket, or on the desk, with everybody who is told of it and why (A13, E5, E6).

What it says is not in it: it names events of the ticket, and what they say is looked up when it is shown or sent. So
what is erased or taken back is gone from it too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict

from domain.catalogue import Catalogue
from domain.command import Command, Decision, decides, evolves
from domain.event import Actor, Event
from domain.inbox.preferences import Channel, Kind
from domain.permissions import Permission


class Told(BaseModel):
    """A person who is told, why, and by which channels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person_id: UUID
    kinds: tuple[Kind, ...]
    channels: tuple[Channel, ...]


class NotificationSent(Event, name="notification.sent", version=2):
    """People were told of the ticket's events `first` to `last`, or of what is of no ticket; `doer` did it, kinds are all by now."""

    ticket_id: UUID | None = None
    number: str | None = None
    doer: Actor
    happened_at: datetime
    first: int | None = None
    last: int | None = None
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Notification:
    """The state that decisions need: why each person has been told of the action already."""

    told: Mapping[UUID, frozenset[Kind]] = field(default_factory=dict)


class SendNotification(Command):
    """Tell people of what happened, to a ticket where one is named; only processes do."""

    AGGREGATE = "notification"
    notification_id: UUID
    ticket_id: UUID | None = None
    number: str | None = None
    doer: Actor
    happened_at: datetime
    first: int | None = None
    last: int | None = None
    told: tuple[Told, ...]

    @property
    def stream_id(self) -> UUID:
        """The notification's own."""
        return self.notification_id


def notification_id(about: UUID, action: UUID) -> UUID:
    """The notification of one action on a ticket, or what else it is about: whatever rules make of it belongs to the same."""
    return uuid5(about, f"notification:{action}")


@decides(SendNotification, needs=Permission.WORKSPACE_EDIT)
def send(command: SendNotification, notification: Notification, _: Catalogue) -> Decision:
    """Each person once for each reason: who has been told of the action hears again only of what is new."""
    known = notification.told
    told = tuple(
        each.model_copy(update={"kinds": in_order({*each.kinds, *known.get(each.person_id, ())})})
        for each in command.told
        if not known.get(each.person_id, frozenset()).issuperset(each.kinds)
    )
    if not told:
        return []
    about = {name: getattr(command, name) for name in NotificationSent.model_fields}
    return [NotificationSent(**about | {"told": told})]


def in_order(kinds: set[Kind]) -> tuple[Kind, ...]:
    """The kinds as they are named."""
    return tuple(kind for kind in Kind if kind in kinds)


@evolves(NotificationSent)
def _(notification: Notification, event: NotificationSent) -> Notification:
    return replace(
        notification, told={**notification.told, **{each.person_id: frozenset(each.kinds) for each in event.told}}
    )

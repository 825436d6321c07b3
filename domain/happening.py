"""What one command did to one ticket, with the ticket before and after it: what rules, promises and notifications react to."""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from domain.catalogue import Catalogue
from domain.command import evolve
from domain.copying import replace
from domain.event import TOLD, Event, Metadata, Recorded
from domain.requester import Requester
from domain.sla.course import Course, followed
from domain.ticket.folds import FOLDS, fold
from domain.ticket.row import Row
from domain.ticket.state import Ticket


@dataclass(frozen=True, slots=True)
class Situation:
    """A ticket at one moment: as decisions see it, as lists show it, and when it did what."""

    ticket: Ticket
    row: Row
    course: Course

    @property
    def version(self) -> int:
        """How many events it has had."""
        return self.row.version

    def followed_by(self, events: Iterable[Recorded[Event]]) -> "Situation":
        """The ticket after these further events of it."""
        ticket, row, course = self.ticket, copy(self.row), self.course
        rows = {row.ticket_id: row}
        for recorded in events:
            ticket, course = evolve(ticket, recorded.event), followed(course, recorded)
            fold(rows, recorded)
        return Situation(ticket, row, course)

    def led_to(self, events: Iterable[Recorded[Event]]) -> "Situation":
        """The same where the log has them elsewhere: they are taken as the next ones."""
        place, version = self.row.position, self.row.version
        follow = (each for each in events if type(each.event) in FOLDS)
        return self.followed_by(
            each._replace(position=place + n, version=version + n) for n, each in enumerate(follow, 1)
        )


class Origin(NamedTuple):
    """The command that something goes back to, and whose doing that was, if a person's."""

    action: UUID
    person: str | None


@dataclass(frozen=True, slots=True)
class Happening:
    """One command's events on one ticket, in the order of the log; `before` is None where it was opened by them.

    `desk` and `requester` are as they were at that position of the log, so that looking again gives the same answer.
    `origin` is what triggers made this of; `ahead` what they made of what was before it, though the log has that later.
    """

    events: tuple[Recorded[Event], ...]
    before: Situation | None
    after: Situation
    desk: Catalogue
    requester: Requester | None = None
    origin: Origin | None = None
    ahead: tuple[Recorded[Event], ...] = ()

    @property
    def metadata(self) -> Metadata:
        """The envelope of its first event: who, when, from where, and because of what."""
        return self.events[0].metadata

    @property
    def at(self) -> datetime:
        """When it happened."""
        return self.metadata.occurred_at

    @property
    def position(self) -> int:
        """Place of its last event in the log."""
        return self.events[-1].position

    @property
    def told(self) -> bool:
        """Whether it happened in another system and was only told here."""
        return self.metadata.channel == TOLD

    def in_turn(self) -> "Happening":
        """The same, after what is ahead of it: as if triggers acted in the instant in which something happens."""
        if self.before is None or not self.ahead:
            return self
        before = self.before.led_to(self.ahead)
        return replace(self, before=before, after=before.led_to(self.events), ahead=())

    def seen_as(self, after: Situation) -> "Happening":
        """The same, with what else has become of the ticket since."""
        return replace(self, after=after)

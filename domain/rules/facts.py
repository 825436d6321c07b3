"""What rules may ask about: a ticket as it is, as it was before something happened, and what that was."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.calendars.hours import is_open
from domain.catalogue import Catalogue, shown
from domain.conditions import Context
from domain.conditions.fields import BEFORE_PREFIX
from domain.event import Actor, Event
from domain.happening import Happening, Situation
from domain.requester import Requester
from domain.ticket import events as e
from domain.ticket.written import SAID

# A new ticket is told by its description.
_WRITTEN: dict[type[Event], str] = {e.TicketOpened: "description", **SAID}


class Facts(Mapping[str, Any]):
    """The facts of a ticket by the names of the fields, each looked up when it is asked for."""

    __slots__ = ("_before", "_happening", "_kept", "_now", "_requester")

    def __init__(self, now: Situation, requester: Requester | None, happening: Happening | None = None) -> None:
        self._now, self._requester, self._happening = now, requester, happening
        self._kept: dict[str, Any] = {}
        before = happening.before if happening else None
        self._before = Facts(before, requester) if before else None

    @property
    def before(self) -> "Facts | None":
        """Those before it happened; None where the ticket was opened by it, or nothing happened."""
        return self._before

    def get(self, name: str, default: Any = None) -> Any:
        """The value of the field, or None."""
        if (own := _OWN.get(name)) is not None:
            if name not in self._kept:
                # Asked by one rule after the other.
                self._kept[name] = own(self)
            return self._kept[name]
        if "." not in name:
            return getattr(self._now.row, name, default)
        if name.startswith(BEFORE_PREFIX):
            return self._before.get(name.removeprefix(BEFORE_PREFIX)) if self._before is not None else default
        return getattr(self._requester, name.removeprefix("requester."), default)

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError("facts are asked for by name")

    def __len__(self) -> int:
        raise NotImplementedError("facts are asked for by name")

    def _events(self) -> list[str]:
        return [recorded.event.NAME for recorded in self._happening.events] if self._happening else []

    def _actor(self) -> Actor | None:
        return self._happening.metadata.actor if self._happening else None

    def _actor_id(self) -> UUID | None:
        actor = self._actor()
        return UUID(actor.id) if actor and actor.kind in ("person", "requester") else None

    def _message(self) -> str | None:
        events = [recorded.event for recorded in self._happening.events] if self._happening else []
        said = [shown(getattr(event, _WRITTEN[type(event)])) for event in events if type(event) in _WRITTEN]
        return "\n".join(filter(None, said)) or None

    def _business_hours(self) -> bool:
        happening = self._happening
        return happening is not None and is_open(happening.desk.hours_of(self._now.row.assignee_team), happening.at)


_OWN: dict[str, Callable[[Facts], Any]] = {
    "archived": lambda facts: facts._now.row.archived_at is not None,
    "description": lambda facts: shown(facts._now.ticket.description),
    "moved_at": lambda facts: facts._now.course.moved_at,
    "assigned_at": lambda facts: facts._now.course.assigned_at,
    "unanswered_since": lambda facts: facts._now.course.unanswered_since,
    "touched_at": lambda facts: facts._now.course.touched_at,
    "event": Facts._events,
    "actor": lambda facts: actor.kind if (actor := facts._actor()) else None,
    "actor_id": Facts._actor_id,
    "channel": lambda facts: facts._happening.metadata.channel if facts._happening else None,
    "message": Facts._message,
    "business_hours": Facts._business_hours,
}


def facts_of(happening: Happening) -> Facts:
    """The facts of a happening."""
    return Facts(happening.after, happening.requester, happening)


def context_of(happening: Happening) -> Context:
    """Who a rule means by «me»: whoever did it; and when it was."""
    return asked_by(happening.metadata.actor, happening.at, happening.desk, happening.requester)


def asked_by(actor: Actor | None, at: datetime, desk: Catalogue, requester: Requester | None) -> Context:
    """A context in which that actor is the one who asks."""
    organisation = requester.organisation_id if requester else None
    if actor is None or actor.kind != "person":
        return Context(at, organisation=organisation, merges=desk.organisations)
    person = UUID(actor.id)
    teams = desk.people[person].teams if person in desk.people else frozenset()
    return Context(at, person=person, teams=teams, organisation=organisation, merges=desk.organisations)

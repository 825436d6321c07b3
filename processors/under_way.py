"""What triggers made of something, while the log has it later than what happened next: that is seen after it all the same."""

from collections.abc import Iterable, Sequence
from itertools import chain
from uuid import UUID

from domain.copying import replace
from domain.event import Event, Recorded
from domain.happening import Happening
from domain.rules.chain import workable
from eventstore.append import Call
from processors.deciding import Reaction
from processors.witness import Told

Events = tuple[Recorded[Event], ...]


class UnderWay:
    """By ticket, what commands will have brought about or have, until they are met in the log."""

    def __init__(self, made: dict[UUID, dict[UUID, Events]] | None = None) -> None:
        self._made = made or {}
        self._new: dict[UUID, tuple[UUID, Events]] = {}

    @classmethod
    def before(cls, told: Sequence[Told]) -> "UnderWay":
        """As it is for whoever begins there: what goes back to what was before it."""
        happened = [each for each in told if isinstance(each, Happening)]
        later, found = {each.metadata.command_id for each in happened}, cls()
        for each in happened:
            if each.origin is not None and each.origin.action not in later:
                found._keep(each.after.row.ticket_id, each.metadata.command_id, each.events)
        return found

    def copy(self) -> "UnderWay":
        """One that may be thrown away."""
        return UnderWay(dict(self._made))

    def in_sight_of(self, told: Told) -> Told:
        """The same with what is ahead of it; what is met in the log is under way no longer."""
        if not isinstance(told, Happening) or not (made := self._made.get(told.after.row.ticket_id)):
            return told
        rest = {command: events for command, events in made.items() if command != told.metadata.command_id}
        self._made[told.after.row.ticket_id] = rest
        if not rest or not workable(told.after):
            del self._made[told.after.row.ticket_id]
            return told
        return replace(told, ahead=tuple(chain.from_iterable(rest.values())))

    def add(self, reaction: Reaction) -> None:
        """What the reaction will have led to."""
        for do, command, stream in reaction.wanted:
            if do.foreseen:
                self._keep(stream, command, do.foreseen)
                self._new[command] = stream, do.foreseen

    def confirm(self, written: Iterable[Sequence[Call]]) -> None:
        """What came to be otherwise, because somebody was faster, was not foreseen."""
        topics = {call.command_id: [event.topic for event in call.events] for calls in written for call in calls}
        for command, (stream, foreseen) in self._new.items():
            if topics.get(command) != [each.event.NAME for each in foreseen]:
                self._made[stream] = {
                    known: made for known, made in self._made.get(stream, {}).items() if known != command
                }
        self._new.clear()

    def _keep(self, ticket: UUID, command: UUID, events: Events) -> None:
        self._made[ticket] = {**self._made.get(ticket, {}), command: events}

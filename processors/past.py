"""A workspace's past, as if a rule or a policy had been in force in a part of it: what it would have done to a ticket, from its events."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from domain.aggregates import INITIAL, evolve
from domain.backtest.story import AsOf, Found, Reading, Span, Story, Tested, Tick
from domain.catalogue import Catalogue
from domain.event import Event, Recorded
from domain.happening import Happening, Situation
from domain.requester import Requester
from domain.rules.channels import AUTOMATION, TRIGGER
from domain.sla.course import followed
from domain.ticket import events as e
from domain.ticket.folds import FOLDS, fold
from domain.ticket.row import Row
from processors.witness import NEW, Seen, requester_in

# Requesters as they were at each moment.
Met = Mapping[UUID | None, AsOf[Requester]]
_Mark = tuple[datetime, tuple[Recorded[Event], ...] | None]


class Past:
    """What a workspace had set up at each moment of a span, with what is tested in force from its beginning to its end."""

    def __init__(self, tested: Tested, span: Span, history: Iterable[Recorded[Event]]) -> None:
        self._tested, self._span = tested, span
        self._changes: list[tuple[int, datetime]] = []
        desk: Catalogue = INITIAL["workspace"]
        desks: AsOf[Catalogue] | None = None
        for recorded in history:
            at = recorded.metadata.occurred_at
            if desks is None and at >= span.since:
                desks = AsOf(self._in_force(desk))
            desk = evolve(desk, recorded.event)
            if desks is not None:
                desks.add(recorded, self._in_force(desk))
                if isinstance(recorded.event, tested.CHANGES):
                    self._changes.append((recorded.position, at))
        self._desks = desks or AsOf(self._in_force(desk))

    # Whether no other rule was there: what happens is then what the log has.
    alone = True

    def _in_force(self, desk: Catalogue) -> Catalogue:
        made = self._tested.in_force(desk)
        self.alone = self.alone and len(made.rules) <= 1
        return made

    def may_concern(self, events: Sequence[Recorded[Event]], met: Met) -> bool:
        """A quick look at a ticket's events, of which no more than `tested.reading` has to be there."""
        since, follows = self._span.since, self._tested.follows
        if any(each.metadata.occurred_at >= since and follows(each.metadata) for each in events):
            return True
        watching = _Glimpse(self._desks, met, self._tested.reading)
        return self._tested.may_concern(self._story(events, watching))

    def found(self, events: Sequence[Recorded[Event]], met: Met) -> list[Found]:
        """What would have been done to a ticket that has these events."""
        kept = [each for each in events if not (self._tested.ANEW and self._by_rule(each))]
        return list(self._tested.found(self._story(kept, _Whole(self._desks, met))))

    def _by_rule(self, each: Recorded[Event]) -> bool:
        """Whether a rule did it in the span: that is worked out anew."""
        return each.metadata.channel in (TRIGGER, AUTOMATION) and self._span.holds(each.metadata.occurred_at)

    def _story(self, events: Sequence[Recorded[Event]], watching: "_Watching") -> Story:
        return Story(self._ticks(events, watching), self._span, watching.become, self._desks.at, watching.requester)

    def _ticks(self, events: Sequence[Recorded[Event]], watching: "_Watching") -> Iterator[Tick]:
        """What happened and what rules changed meanwhile, up to the end of the span."""
        marks = [mark for mark in self._marks(events) if mark[0] < self._span.until]
        # None where it was opened after the span, by the clock of whoever opened it.
        ends = [*(at for at, _ in marks[1:]), self._span.until][: len(marks)]
        begun = False
        for (at, together), until in zip(marks, ends, strict=True):
            happening = watching.after(together) if together else None
            if happening is not None or (begun and together is None):
                begun = True
                yield Tick(at, until, happening)

    def _marks(self, events: Sequence[Recorded[Event]]) -> Iterable[_Mark]:
        commands = groupby(events, lambda each: each.metadata.command_id)
        happened = [(together[0].metadata.occurred_at, together) for _, found in commands if (together := tuple(found))]
        if not self._changes:
            return happened
        changed: list[tuple[int, _Mark]] = [(position, (at, None)) for position, at in self._changes]
        placed = [(mark[1][0].position, mark) for mark in happened]
        return [mark for _, mark in sorted([*placed, *changed], key=itemgetter(0))]


class _Watching(ABC):
    """A ticket, followed through its events."""

    def __init__(self, desks: AsOf[Catalogue], met: Met) -> None:
        self._desks, self._met = desks, met

    @abstractmethod
    def after(self, together: tuple[Recorded[Event], ...]) -> Happening | None:
        """What one command's events came to; None while it is a draft."""

    @property
    @abstractmethod
    def whom(self) -> UUID | None:
        """Whom it is for."""

    @abstractmethod
    def become(self, now: Situation) -> None:
        """Go on from there."""

    def requester(self, moment: datetime) -> Requester | None:
        """Whom it is for, as they were then."""
        return self._met[self.whom].at(moment) if self.whom in self._met else None

    def _happening(
        self, together: tuple[Recorded[Event], ...], before: Situation | None, after: Situation
    ) -> Happening:
        position, who = together[0].position, self.whom
        requester = self._met[who].before(position) if who in self._met else None
        return Happening(together, before, after, self._desks.before(position), requester)


class _Whole(_Watching):
    """All of it, as processes see it."""

    seen = Seen()

    def after(self, together: tuple[Recorded[Event], ...]) -> Happening | None:
        before = self.seen.situation
        self.seen = self.seen.after(together)
        after = self.seen.situation
        return None if after is None else self._happening(together, before, after)

    def become(self, now: Situation) -> None:
        """Go on from there; what comes next in the log is newer than all that was made up."""
        row = self.seen.row
        assert row is not None  # noqa: S101 - something happened to it
        made_up = replace(now.row, version=row.version, position=row.position)
        self.seen = Seen(now.ticket, made_up, now.course)

    @property
    def whom(self) -> UUID | None:
        return self.seen.ticket.requester_id


class _Glimpse(_Watching):
    """As much of it as was asked for. Where nothing asks what was before, what it gave is good until it is asked again."""

    def __init__(self, desks: AsOf[Catalogue], met: Met, reading: Reading) -> None:
        super().__init__(desks, met)
        self._reading, self._rows = reading, dict[UUID, Row]()
        self._row: Row | None = None
        self._ticket, self._course = INITIAL["ticket"], NEW

    def after(self, together: tuple[Recorded[Event], ...]) -> Happening | None:
        before = self._situation(copy(self._row)) if self._reading.before and self._row is not None else None
        for recorded in together:
            if type(recorded.event) in FOLDS or isinstance(recorded.event, e.TicketOpened):
                fold(self._rows, recorded)
            if self._reading.description:
                self._ticket = evolve(self._ticket, recorded.event)
            if self._reading.course:
                self._course = followed(self._course, recorded)
        self._row = row = self._rows.get(together[0].stream_id)
        return None if row is None else self._happening(together, before, self._situation(row))

    def become(self, now: Situation) -> None:
        """Nothing: a glimpse is of what the log has."""

    def _situation(self, row: Row) -> Situation:
        return Situation(self._ticket, row, self._course)

    @property
    def whom(self) -> UUID | None:
        return None if self._row is None else self._row.requester_id


def met_in(events: Iterable[Recorded[Event]]) -> set[UUID]:
    """The requesters whom tickets with these events were ever for."""
    return {who for each in events if (who := requester_in(each.event)) is not None}


def met(histories: Iterable[Recorded[Event]]) -> Met:
    """Requesters from their events, as they were at each moment."""
    found: dict[UUID | None, AsOf[Requester]] = {}
    states: dict[UUID, Requester] = {}
    for recorded in histories:
        who = recorded.stream_id
        states[who] = evolve(states.get(who, INITIAL["requester"]), recorded.event)
        found.setdefault(who, AsOf(INITIAL["requester"])).add(recorded, states[who])
    return found

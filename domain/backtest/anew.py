"""A ticket's life with all that rules do to it worked out anew: what people and customers did stays as the log has it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from domain.backtest.story import Found, Story, Tick
from domain.conditions.windows import LAST, TICK
from domain.happening import Happening, Situation
from domain.rules.acting import Occasion
from domain.rules.assigning import Roster
from domain.rules.automating import Look, fired, next_look
from domain.rules.chain import Act, Refused, chain, workable
from domain.rules.channels import AUTOMATION


def done_anew(rule_id: UUID, story: Story) -> Iterator[Found]:
    """What that rule does in it, in order."""
    life = _Life(rule_id, story)
    for tick in story.ticks:
        life.lives(tick)
        yield from life.found
        life.found.clear()


@dataclass(slots=True)
class _Life:
    """`now` is the ticket as it would be; `timer` when automations look at it next, None where none does."""

    own: UUID
    story: Story
    now: Situation | None = None
    timer: datetime | None = None
    found: list[Found] = field(default_factory=list)
    # What others have to do is not read: whoever is picked by load or by turn is picked as on an empty desk.
    roster: Roster = field(default_factory=Roster)

    def lives(self, tick: Tick) -> None:
        """Through what happened, and through the time after it."""
        if tick.happening is not None:
            self.now = tick.happening.after
            if self.story.span.holds(tick.at):
                self._chained(tick.happening)
        if self.now is None:
            return
        self._waits(tick)
        # Nothing comes due between two things that happen in the same instant: no time passes there.
        if tick.until > tick.at:
            self._passes(tick)
        if tick.happening is None or self.now is not tick.happening.after:
            self.story.become(self.now)

    def _passes(self, tick: Tick) -> None:
        """The time until the next tick: automations whose turn comes have it."""
        end = min(tick.until, self.story.span.until - TICK)
        while self.timer is not None and self.timer <= end:
            self._fires(max(self.timer, tick.at))

    def _chained(self, happening: Happening) -> None:
        """Triggers look at it; the ticket is as they leave it."""
        made = chain(happening, self.roster)
        self._notes(happening.at, happening.after.version, made.acts, made.refused)
        if made.acts and made.after is not None:
            self.now = made.after

    def _waits(self, tick: Tick) -> None:
        """When automations look at the ticket next. What another system told is not waited for."""
        if tick.happening is None:
            self.timer = None if self.timer is None else tick.at
        elif not tick.happening.told:
            self.timer = self._next(tick.at)
        if self.timer is not None and tick.at < self.story.span.since:
            # What is set up then is looked at, for every ticket that is there.
            self.timer = self.story.span.since

    def _next(self, at: datetime) -> datetime | None:
        assert self.now is not None  # noqa: S101 - it has begun
        look = Look(self.now, self.story.desk(at), self.story.requester(at), at)
        return (next_look(look) or LAST) if workable(self.now) else None

    def _fires(self, at: datetime) -> None:
        """Automations look at the ticket, and triggers at what these do."""
        now = self.now
        assert now is not None  # noqa: S101 - it has begun
        if not workable(now):
            self.timer = None
            return
        look = Look(now, self.story.desk(at), self.story.requester(at), at)
        firing = fired(look, _occasion(look, self.roster))
        self._notes(at, now.version, firing.acts, firing.refused)
        for happening in firing.happenings:
            self.now = happening.after
        for happening in firing.happenings:
            self._chained(happening.seen_as(self.now or happening.after))
        self._refused(at, firing.refused)
        # What acted may have given others something to do.
        self.timer = self._next(at) if firing.acts or firing.refused else firing.look or LAST

    def _refused(self, at: datetime, refused: Iterable[Refused]) -> None:
        """The report of a refusal ends the occasion, as an act does."""
        runs = tuple((each.rule.rule_id, at) for each in refused)
        if runs and self.now is not None:
            course = self.now.course
            self.now = replace(self.now, course=replace(course, ran=(*course.ran, *runs)))

    def _notes(self, at: datetime, version: int, acts: Iterable[Act], refused: Iterable[Refused]) -> None:
        self.found += [Found(at, version, each.actions) for each in acts if each.rule.rule_id == self.own]
        self.found += [Found(at, version, (), each.refusal) for each in refused if each.rule.rule_id == self.own]


def _occasion(look: Look, roster: Roster) -> Occasion:
    ticket = look.now.row.ticket_id
    return Occasion(
        now=look.now,
        desk=look.desk,
        requester=look.requester,
        at=look.at,
        workspace=look.now.row.workspace_id,
        correlation=ticket,
        cause=ticket,
        channel=AUTOMATION,
        roster=roster,
    )

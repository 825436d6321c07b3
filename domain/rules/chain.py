"""What triggers make of one happening (D1, D9): in their order, each at most once, each seeing what earlier ones did.

What a trigger does happens too, and so leads to further rounds, at most ten deep. All of it is worked out before anything
is recorded: one action is one evaluation.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Any, NamedTuple

from domain.actions import Action
from domain.conditions import Context, Reason, refused_by
from domain.errors import Refusal
from domain.happening import Happening, Situation
from domain.rules.acting import Occasion, Trial, tried
from domain.rules.assigning import Roster
from domain.rules.channels import TRIGGER
from domain.rules.effects import settled
from domain.rules.facts import Facts, context_of, facts_of
from domain.rules.index import Trigger, triggers_of
from domain.rules.rule import Rule
from domain.ticket.reporting import TicketRuleRefused, TicketRulesCut

DEEPEST = 10


class Act(NamedTuple):
    """A rule that acts; `cause` is the place of the act that led to it, None where it was what happened itself."""

    rule: Rule
    actions: tuple[Action, ...]
    cause: int | None


class Refused(NamedTuple):
    """A rule that was to act, and why it could not; `cause` as of an act."""

    rule: Rule
    refusal: Refusal
    cause: int | None


class Said(StrEnum):
    """What became of a trigger when it looked at a happening."""

    ACTED = "acted"
    NOTHING = "nothing_to_do"
    REFUSED = "refused"
    NO = "condition_not_met"
    ONCE = "acted_before"
    CUT = "cut"
    STOPPED = "stopped"


class Look(NamedTuple):
    """One trigger looking at one happening: `cause` is the act that made it, `reasons` the leaves that said no."""

    rule: Rule
    cause: int | None
    said: Said
    reasons: tuple[Reason, ...] = ()
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """What is to be done, in order; what was refused; what was cut because it went in circles or too deep; the ticket then."""

    acts: tuple[Act, ...] = ()
    refused: tuple[Refused, ...] = ()
    loop: tuple[Rule, ...] = ()
    too_deep: tuple[Rule, ...] = ()
    after: Situation | None = None


NOTHING = Chain()
_REPORTS = (TicketRuleRefused, TicketRulesCut)


def evaluated(happening: Happening) -> bool:
    """Whether triggers look at it: not at what they did themselves, for the chain did, nor at what is only told or reported."""
    ours = happening.metadata.channel == TRIGGER or isinstance(happening.events[0].event, _REPORTS)
    return not happening.told and not ours and workable(happening.after)


def workable(now: Situation) -> bool:
    """Whether anything can still be done to the ticket."""
    return not now.ticket.erasing and now.row.merged_into is None


def chain(happening: Happening, roster: Roster) -> Chain:
    """What the desk's triggers make of it, by way of the index. Who is picked for it has had a turn on the roster."""
    triggers = triggers_of(happening.desk)
    if not triggers.all or not evaluated(happening):
        return NOTHING
    return _Run(happening, triggers.candidates, roster).done()


def looks(happening: Happening) -> list[Look]:
    """How every trigger of the desk looked at it and at what came of it."""
    if not evaluated(happening):
        return []
    seen: list[Look] = []
    triggers = triggers_of(happening.desk)
    _Run(happening, lambda _: list(triggers.all), Roster(), seen.append).done()
    return seen


class _Stage(NamedTuple):
    """A happening to be looked at, how deep it is, and the place of the act that made it."""

    happening: Happening
    depth: int = 0
    cause: int | None = None


@dataclass(slots=True)
class _Run:
    happening: Happening
    candidates: Callable[[Facts], list[Trigger]]
    roster: Roster
    tell: Callable[[Look], None] | None = None
    now: Situation = field(init=False)
    context: Context = field(init=False)
    acts: list[Act] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    loop: list[Rule] = field(default_factory=list)
    too_deep: list[Rule] = field(default_factory=list)
    fired: set[int] = field(default_factory=set)
    stages: list[_Stage] = field(default_factory=list)
    passed: list[tuple[Any, ...]] = field(default_factory=list)

    def done(self) -> Chain:
        self.now, self.context = self.happening.after, context_of(self.happening)
        self.stages.append(_Stage(self.happening))
        self.passed.append(_state(self.now))
        for stage in self.stages:
            if self._went_through(stage):
                break
        return Chain(tuple(self.acts), tuple(self.refused), tuple(self.loop), tuple(self.too_deep), self.now)

    def _went_through(self, stage: _Stage) -> bool:
        """Let the triggers look at it in their order; whether one of them ended the chain."""
        seen, place = self._seen(stage), -1
        facts = facts_of(seen)
        waiting = self.candidates(facts)
        while waiting:
            trigger, *waiting = waiting
            place = trigger.place
            before = self.now
            if self._looked(trigger, stage, seen, facts):
                self._tell_all(waiting, stage)
                return True
            if self.now is not before:
                seen = self._seen(stage)
                facts = facts_of(seen)
                waiting = [each for each in self.candidates(facts) if each.place > place]
        return False

    def _seen(self, stage: _Stage) -> Happening:
        return stage.happening.seen_as(self.now)

    def _looked(self, trigger: Trigger, stage: _Stage, seen: Happening, facts: Facts) -> bool:
        """One trigger; whether it ended the chain."""
        if not trigger.holds(facts, self.context, facts.before):
            if self.tell:
                reasons = refused_by(trigger.rule.when, facts, self.context, facts.before)
                self.tell(Look(trigger.rule, stage.cause, Said.NO, reasons))
            return False
        if trigger.place in self.fired:
            self._again(trigger, stage, seen)
            return False
        if stage.depth == DEEPEST:
            if trigger.rule not in self.too_deep and self._try(trigger, seen).happening is not None:
                self.too_deep.append(trigger.rule)
            self._say(trigger, stage, Said.CUT)
            return False
        return self._fires(trigger, stage, self._try(trigger, seen))

    def _fires(self, trigger: Trigger, stage: _Stage, trial: Trial) -> bool:
        if trial.refusal is not None:
            self.fired.add(trigger.place)
            self.refused.append(Refused(trigger.rule, trial.refusal, stage.cause))
            self._say(trigger, stage, Said.REFUSED, trial.refusal)
            return False
        if trial.happening is not None:
            self.fired.add(trigger.place)
            self.stages.append(_Stage(trial.happening, stage.depth + 1, len(self.acts)))
            self.acts.append(Act(trigger.rule, trial.actions, stage.cause))
            settled(self.now.row.ticket_id, trial.actions, self.roster)
            self.now = trial.happening.after
            self.passed.append(_state(self.now))
        self._say(trigger, stage, Said.NOTHING if trial.happening is None else Said.ACTED)
        return trigger.effects.stops

    def _again(self, trigger: Trigger, stage: _Stage, seen: Happening) -> None:
        """It acted already. Where acting again would bring the ticket back to what it was, the rules go in circles."""
        again = self._try(trigger, seen).happening if trigger.rule not in self.loop else None
        state = _state(again.after) if again else None
        circle = state != _state(self.now) and state in self.passed
        if circle:
            self.loop.append(trigger.rule)
        self._say(trigger, stage, Said.CUT if circle else Said.ONCE)

    def _try(self, trigger: Trigger, seen: Happening) -> Trial:
        envelope = self.happening.metadata
        occasion = Occasion(
            now=self.now,
            desk=seen.desk,
            requester=seen.requester,
            at=envelope.occurred_at,
            workspace=envelope.workspace_id,
            correlation=envelope.correlation_id,
            cause=envelope.event_id,
            channel=TRIGGER,
            roster=self.roster,
        )
        return tried(trigger.rule, trigger.effects, occasion)

    def _say(self, trigger: Trigger, stage: _Stage, said: Said, refusal: Refusal | None = None) -> None:
        if self.tell:
            self.tell(Look(trigger.rule, stage.cause, said, refusal=refusal))

    def _tell_all(self, waiting: Iterable[Trigger], stage: _Stage) -> None:
        for trigger in waiting:
            self._say(trigger, stage, Said.STOPPED)


# What rules could set to and fro for ever; what is written and counted only grows.
_state = attrgetter(
    *(f"row.{name}" for name in ("status", "priority", "type", "category", "tags", "fields", "due_at", "requester_id")),
    *(f"row.{name}" for name in ("assignee_person", "assignee_team", "assignee_role", "candidates", "followers")),
    *(f"row.{name}" for name in ("shelf", "pinned")),
)

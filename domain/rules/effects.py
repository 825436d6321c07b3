"""What rules do: the actions of tickets with texts for the ticket at hand, and what comes down to such actions."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domain.actions import ACTIONS, Action, Assign, OneAction
from domain.catalogue import Catalogue, shown
from domain.conditions.windows import Span, shifted
from domain.errors import InvalidInput, Refusal
from domain.happening import Situation
from domain.macros import filled
from domain.requester import Requester
from domain.rules.assigning import Pick, Roster, Wish
from domain.rules.languages import language_of
from domain.setup.macros import canned_reply, macro
from domain.ticket.commands import AssignTicket
from domain.values import Assignee, AssignmentReason, Key
from domain.variables import values_for

_UTC = ZoneInfo("UTC")


class _Effect(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RunMacro(_Effect):
    """Do all that the macro says."""

    do: Literal["run_macro"]
    macro: Key


class ReplyWith(_Effect):
    """Write a canned reply to the requester, in their language where there is one in it."""

    do: Literal["reply_with"]
    reply: Key
    by_language: dict[Annotated[str, Field(pattern="^[a-z]{2}$")], Key] = Field(default_factory=dict, max_length=50)


class SetDueIn(_Effect):
    """Say that it is due so long from now."""

    do: Literal["set_due_in"]
    after: Span


class SnoozeFor(_Effect):
    """Put it aside for so long."""

    do: Literal["snooze_for"]
    span: Span


class AssignBy(Wish):
    """Give it to one of those who are there: by turns, to who has least to do, or who knows most (D3)."""

    do: Literal["assign_by"]


class NobodyFree(Refusal):
    """All who may have it are away or at their limit."""

    code = "nobody_free"
    sentence = "Nobody who may have ticket {number} is free: all are away, at their limit, or lack the skill. Assign it by hand."


class AssignPicked(Assign):
    """An assignment for which somebody was picked. Only rules make it."""

    reason: AssignmentReason
    pool: str = Field(exclude=True)

    def command(self, context: dict[str, Any]) -> AssignTicket:
        """With the reason, which nobody but us gives."""
        return AssignTicket(to=self.to, reason=self.reason, **context)


class Stop(_Effect):
    """Let no rule after this one look at what happened."""

    do: Literal["stop"]


Effect = Annotated[Action | AssignBy | RunMacro | ReplyWith | SetDueIn | SnoozeFor | Stop, Field(discriminator="do")]
EFFECT: TypeAdapter[Effect] = TypeAdapter(Effect)


class Armed:
    """Effects as they were read once, for many tickets."""

    def __init__(self, then: tuple[dict[str, Any], ...]) -> None:
        effects = [EFFECT.validate_python(each) for each in then]
        self.stops = any(isinstance(each, Stop) for each in effects)
        self._raw = [(each, raw if "{{" in str(raw) else None) for each, raw in zip(effects, then, strict=True)]

    def actions(
        self, now: Situation, desk: Catalogue, requester: Requester | None, at: datetime, roster: Roster
    ) -> tuple[Action, ...]:
        """What to do to the ticket; raises the refusal of what cannot be done any more."""
        made: list[Action] = []
        told = _Told(now, desk, requester)
        for effect, raw in self._raw:
            match effect:
                case OneAction():
                    made += [effect] if raw is None else told.actions([raw])
                case AssignBy():
                    made.append(_assigned(effect, now, desk, at, roster))
                case RunMacro():
                    made += told.actions(macro(desk, effect.macro).actions)
                case ReplyWith():
                    body = canned_reply(desk, told.reply(effect)).body
                    made += told.actions([{"do": "reply", "body": body}])
                case SetDueIn():
                    made += told.actions([{"do": "set_due", "due_at": shifted(at, effect.after, _UTC, 1)}])
                case SnoozeFor():
                    made += told.actions([{"do": "snooze", "until": shifted(at, effect.span, _UTC, 1)}])
        return tuple(made)


def _assigned(wish: AssignBy, now: Situation, desk: Catalogue, at: datetime, roster: Roster) -> Assign:
    """To the one who is picked; where nobody is free, to the team, of whom one must claim it."""
    pick = roster.pick(wish, now, desk, at)
    if pick is not None:
        return AssignPicked(do="assign", to=pick.assignee, reason=pick.reason, pool=pick.pool)
    if wish.team is None:
        raise NobodyFree(number=now.row.number)
    return Assign(do="assign", to=Assignee(team=wish.team))


def settled(ticket: UUID, actions: Iterable[Action], roster: Roster) -> None:
    """Who was picked in these actions has had their turn."""
    for action in actions:
        if isinstance(action, AssignPicked):
            roster.given(ticket, Pick(action.to, action.reason, action.pool))


class _Told:
    """Texts told of one ticket; the variables are looked up once, where a text has any."""

    def __init__(self, now: Situation, desk: Catalogue, requester: Requester | None) -> None:
        self._now, self._desk, self._requester = now, desk, requester
        self._values: Mapping[str, str] | None = None

    def actions(self, raw: Any) -> tuple[Action, ...]:
        if self._values is None:
            handler = self._desk.people.get(self._now.row.assignee_person) if self._now.row.assignee_person else None
            self._values = values_for(self._now.ticket, self._desk, self._requester, handler)
        try:
            return ACTIONS.validate_python(filled(raw, self._values))
        except ValidationError:
            reason = "one of its texts comes out empty or too long for this ticket"
            raise InvalidInput(field="then", reason=reason) from None

    def reply(self, effect: ReplyWith) -> str:
        ticket = self._now.ticket
        fields = shown(ticket.fields) or {}
        words = f"{shown(ticket.title) or ''} {shown(ticket.description) or ''}"
        return effect.by_language.get(language_of(fields, words), effect.reply)

"""Triggers: what people set up to happen when something happens to a ticket (D1, D9)."""

from collections.abc import Iterable
from functools import partial

from domain.actions import ActOnTicket
from domain.errors import Refusal
from domain.happening import Happening
from domain.rules.acting import signed
from domain.rules.assigning import Roster
from domain.rules.chain import Act, chain
from domain.rules.channels import TRIGGER
from domain.rules.rule import Rule
from domain.ticket.reporting import ReportCut, ReportRefusal
from processors.process import Cause, Do, Memory, Output, TicketProcess, because_of


class Triggers(TicketProcess):
    """Acts as the desk's triggers say, by the same commands as people; what could not be done is said on the ticket."""

    NAME = "triggers"
    # Whose turn it is, and how much everybody has to do.
    REMEMBERS = True
    IN_TURN = True

    def react(self, happening: Happening, memory: Memory) -> Iterable[Output]:
        """The whole chain at once."""
        roster = Roster(memory)
        roster.saw(happening)
        found, number = chain(happening.in_turn(), roster), happening.after.row.number
        for act in found.acts:
            yield acting(act, number, happening, TRIGGER)
        for rule, refusal, cause in found.refused:
            yield Do(refused(rule, number, happening, TRIGGER, refusal), after=cause)
        for because, rules in (("loop", found.loop), ("depth", found.too_deep)):
            if rules:
                named = {"rules": [rule.rule_id for rule in rules], "keys": [rule.key for rule in rules]}
                context = because_of(happening) | {"channel": TRIGGER}
                yield Do(ReportCut(**context, number=number, because=because, **named))


def acting(act: Act, number: str, cause: Cause, channel: str) -> Do:
    """The command by which a rule acts; should it be refused after all, that is said."""
    context = because_of(cause) | signed(act.rule) | {"channel": channel}
    command = ActOnTicket(**context, number=number, actions=act.actions)
    return Do(command, act.cause, partial(refused, act.rule, number, cause, channel))


def refused(rule: Rule, number: str, cause: Cause, channel: str, refusal: Refusal) -> ReportRefusal:
    """The command that says so."""
    context = because_of(cause) | signed(rule) | {"channel": channel}
    which = {name: refusal.fields.get(name) for name in ("action", "do")}
    return ReportRefusal(**context, number=number, key=rule.key, because=refusal.code, **which)

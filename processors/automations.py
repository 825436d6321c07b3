"""Automations: what people set up to happen so long after something, if it is still so (D2, D5)."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from domain.catalogue import Catalogue
from domain.conditions.windows import LAST, TICK
from domain.event import Event, Recorded
from domain.happening import Happening
from domain.requester import Requester
from domain.rules.acting import Occasion
from domain.rules.assigning import Roster
from domain.rules.automating import Look, fired, next_look
from domain.rules.chain import workable
from domain.rules.channels import AUTOMATION
from domain.setup.calendars import HOURS
from domain.setup.rules import RuleRetired, RuleSet, RulesOrdered
from processors.present import Present
from processors.process import CancelTimer, Do, Hasten, Memory, Output, SetTimer, TicketProcess, Timer
from processors.triggers import acting, refused

KEY = "look"


class Automations(TicketProcess):
    """Looks at a ticket when the first of its automations may act. Each ticket has one timer, so that rules set up later find it."""

    NAME = "automations"
    # Whose turn it is, and how much everybody has to do.
    REMEMBERS = True

    def react(self, happening: Happening, memory: Memory) -> Iterable[Output]:
        """When to look at the ticket next; what another system tells is not waited for."""
        Roster(memory).saw(happening)
        if happening.told:
            return
        yield _wait(Look(happening.after, happening.desk, happening.requester, happening.at))

    def fire(
        self,
        timer: Timer,
        now: Present,
        desk: Catalogue,
        requester: Requester | None,
        at: datetime,
        memory: Memory,
    ) -> Iterable[Output]:
        """What is to be done now, on the ticket as it is now, and when to look again."""
        situation = now.situation
        if not workable(situation):
            return
        occasion = Occasion(
            now=situation,
            desk=desk,
            requester=requester,
            at=at,
            workspace=timer.workspace,
            correlation=timer.correlation or timer.occasion,
            cause=timer.cause or timer.occasion,
            channel=AUTOMATION,
            roster=Roster(memory),
        )
        firing = fired(Look(situation, desk, requester, at), occasion)
        for act in firing.acts:
            yield acting(act, situation.row.number, timer, AUTOMATION)
        for rule, refusal, _ in firing.refused:
            yield Do(refused(rule, situation.row.number, timer, AUTOMATION, refusal))
        # Another firing, and not this one again: what is due already is due anew.
        yield _timer(situation.row.ticket_id, firing.look and max(firing.look, at + TICK))

    def set_up(self, recorded: Recorded[Event], desk: Catalogue) -> Iterable[Output]:
        """Other rules, or other hours: every ticket is looked at anew."""
        if isinstance(recorded.event, (RuleSet, RuleRetired, RulesOrdered, *HOURS)):
            yield Hasten()


def _wait(look: Look) -> Output:
    ticket = look.now.row.ticket_id
    return _timer(ticket, next_look(look)) if workable(look.now) else CancelTimer(ticket, KEY)


def _timer(ticket: UUID, look: datetime | None) -> SetTimer:
    return SetTimer(ticket, KEY, look or LAST)

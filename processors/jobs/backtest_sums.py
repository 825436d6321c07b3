"""What backtests come to in numbers: of a rule how often it would have acted, of a policy how much would have been late."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

Acts = list[dict[str, Any]]


class Sums(BaseModel):
    """How often it would have acted and been refused, in all and by day (UTC), on how many tickets, and of how much."""

    events: int = 0
    tickets: int = 0
    acted: int = 0
    refused: int = 0
    days: dict[str, dict[str, int]] = {}

    def with_page(self, events: int, told: Sequence[Acts]) -> "Sums":
        """With what came of a further page; `told` has what would have been done to each ticket of it."""
        days = _days(self.days, told, ("acted", "refused"))
        acted, refused = (sum(counts[what] for counts in days.values()) for what in ("acted", "refused"))
        tickets = self.tickets + len(told)
        return Sums(events=self.events + events, tickets=tickets, acted=acted, refused=refused, days=days)


class PolicySums(BaseModel):
    """To how many tickets it would have been promised, how many of them had something late or were escalated, and how often.

    The rates are parts of the tickets that it was promised to; `measures` counts what was late.
    """

    events: int = 0
    tickets: int = 0
    breached_tickets: int = 0
    escalated_tickets: int = 0
    breach_rate: float | None = None
    escalation_rate: float | None = None
    reminders: int = 0
    measures: dict[str, int] = {}
    days: dict[str, dict[str, int]] = {}

    def with_page(self, events: int, told: Sequence[Acts]) -> "PolicySums":
        """With what came of a further page."""
        kinds = [Counter(act["fact"] for act in acts) for acts in told]
        late = Counter(act["measure"] for acts in told for act in acts if act["fact"] == "breached")
        tickets = self.tickets + sum(1 for each in kinds if each["promised"])
        breached = self.breached_tickets + sum(1 for each in kinds if each["breached"])
        escalated = self.escalated_tickets + sum(1 for each in kinds if each["escalated"])
        return PolicySums(
            events=self.events + events,
            tickets=tickets,
            breached_tickets=breached,
            escalated_tickets=escalated,
            breach_rate=_rate(breached, tickets),
            escalation_rate=_rate(escalated, tickets),
            reminders=self.reminders + sum(each["reminded"] for each in kinds),
            measures=dict(sorted((Counter(self.measures) + late).items())),
            days=_days(self.days, told, ("breached", "escalated")),
        )


def _rate(some: int, of: int) -> float | None:
    return round(some / of, 4) if of else None


def _days(before: dict[str, dict[str, int]], told: Sequence[Acts], kinds: tuple[str, str]) -> dict[str, dict[str, int]]:
    days = {day: dict(counts) for day, counts in before.items()}
    for act in (act for acts in told for act in acts):
        what = act.get("fact", "refused" if "refusal" in act else "acted")
        if what in kinds:
            counts = days.setdefault(act["at"][:10], dict.fromkeys(kinds, 0))
            counts[what] += 1
    return dict(sorted(days.items()))

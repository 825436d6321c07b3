"""One event of every type that sets up rules."""

from uuid import UUID

from domain.conditions import parse
from domain.conditions.windows import Span
from domain.event import Event
from domain.rules.rule import Repeat, Rule, Timing
from domain.setup.rules import RuleRetired, RuleSet, RulesOrdered

ID = UUID("018f0000-0000-7000-8000-000000000001")
WHY = {"why": "Customers waited over night.", "expected": "Answers within four hours."}
DAY, HOURS = Span(amount=24, unit="hours"), Span(amount=4, unit="hours")
RULE = Rule(
    key="remind",
    rule_id=ID,
    version=3,
    title="提醒 unanswered tickets",
    kind="automation",
    when=parse({"all": [{"field": "kind", "op": "is_any_of", "value": ["new", "open"]}]}),
    then=({"do": "note", "body": "{{ticket.number}} waits."}, {"do": "stop"}),
    timing=Timing(
        since="unanswered_since", after=HOURS, repeat=Repeat(every=DAY, at_most=3), hours="business", calendar="office"
    ),
)

SAMPLES: tuple[Event, ...] = (
    RuleSet(rule=RULE, **WHY),
    RuleRetired(key="remind", **WHY),
    RulesOrdered(order=("remind", "urgent"), previous=("urgent", "remind"), **WHY),
)

"""The policy that a desk can begin with (E1, E3, E4)."""

from domain.conditions import Condition, parse
from domain.receivers import Receivers
from domain.sla.policy import LadderStep, Measure, PolicyDefinition, Reminder, Target

HOUR, DAY = 60, 24 * 60
VIP: Condition = parse(
    {
        "any": [
            {"field": "requester.tier", "op": "is_any_of", "value": ["vip"]},
            {"field": "requester.tags", "op": "has_any", "value": ["vip"]},
            {"field": "tags", "op": "has_any", "value": ["vip"]},
        ]
    }
)
_HANDLER, _LEAD = Receivers(roles=("handler",)), Receivers(roles=("lead",))

# Accepted within 5, 15, 30 minutes or the same day, as E1 says; VIPs are brought to mind earlier and again, others once.
DEFAULT = PolicyDefinition(
    title="Default promises",
    position=1000,
    targets=(
        Target(measure=Measure.ACCEPT, urgent=5, high=15, normal=30, low="same_day"),
        Target(measure=Measure.FIRST_RESPONSE, urgent=30, high=HOUR, normal=4 * HOUR, low=DAY),
        Target(measure=Measure.NEXT_RESPONSE, urgent=HOUR, high=2 * HOUR, normal=8 * HOUR, low=DAY),
        Target(measure=Measure.RESOLUTION, urgent=8 * HOUR, high=DAY, normal=3 * DAY, low=7 * DAY),
    ),
    reminders=(
        Reminder(key="vip", when=VIP, minutes=-15, every=10, at_most=6, to=_HANDLER, later=_LEAD),
        Reminder(key="usual", when=parse({"none": [VIP]}), to=_HANDLER),
    ),
    ladder=(
        LadderStep(key="late", level=1, after=0, to=_LEAD, reason="A promise was not kept in time."),
        LadderStep(
            key="urged", level=2, urges=3, to=Receivers(roles=("lead", "control_room")), reason="Urged three times."
        ),
    ),
)
DEFAULT_KEY = "default"

"""A policy tested on a ticket's past (D8): the clock of promises runs along what happened, and nothing is recorded."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from domain.backtest.story import Fact, Found, Reading, Story
from domain.catalogue import Catalogue
from domain.conditions.windows import TICK
from domain.event import SYSTEM, Event, Metadata
from domain.setup.policies import PolicySet, SetPolicy, set_policy, with_policy
from domain.sla.policy import Policy, PolicyDefinition
from domain.ticket.escalating import TicketEscalated
from domain.ticket.promising import TicketBreached, TicketPromised, TicketReminded
from processors.replaying import Foreseen, Replay
from processors.sla_clock import SET_UP, SlaClock


def drafted_policy(desk: Catalogue, workspace: UUID, key: str, definition: PolicyDefinition, at: datetime) -> Policy:
    """The version that setting this up would make; refused as setting it up would be. Nothing is set up."""
    command = SetPolicy(workspace_id=workspace, by=SYSTEM, at=at, command_id=workspace, key=key, definition=definition)
    made = [event.policy for event in set_policy(command, desk, desk) if isinstance(event, PolicySet)]
    return made[0] if made else desk.policy_versions(key)[-1]


@dataclass(frozen=True)
class TestedPolicy:
    """A policy among those of the desk as they were at each moment. What rules did stays as the log has it."""

    policy: Policy

    CHANGES: ClassVar[tuple[type[Event], ...]] = SET_UP
    ANEW: ClassVar[bool] = False
    # Everything is read at once: there is no ticket that a promise does not concern.
    reading: ClassVar[Reading] = Reading(content=True)

    def in_force(self, desk: Catalogue) -> Catalogue:
        """The desk with it."""
        return with_policy(desk, self.policy.model_copy(update={"retired": False}))

    def follows(self, envelope: Metadata) -> bool:
        """Every ticket is looked at anyway."""
        return True

    def may_concern(self, story: Story) -> bool:
        """Any."""
        return True

    def found(self, story: Story) -> Iterator[Found]:
        """That it was promised, and what would have been late, brought to mind and escalated in the span."""
        promised = False
        for foreseen in _foreseen(story):
            fact = self._fact(foreseen.event)
            if fact is not None and fact.kind == "promised":
                promised = True
            elif fact is not None and story.span.holds(foreseen.at):
                yield Found(foreseen.at, foreseen.version, fact=fact)
        if promised:
            yield Found(story.span.since, 0, fact=Fact("promised"))

    def _fact(self, event: Event) -> Fact | None:
        """What it says of this policy; None where it says nothing of it."""
        match event:
            case TicketPromised(policy=policy) if policy is not None and policy.key == self.policy.key:
                return Fact("promised")
            case TicketBreached(policy=policy) if policy.key == self.policy.key:
                return Fact("breached", event.measure)
            case TicketReminded(policy=policy) if policy.key == self.policy.key:
                return Fact("reminded", event.measure, event.step)
            case TicketEscalated(step=str(step)) if step.startswith(f"{self.policy.key}/"):
                return Fact("escalated", None, step)
        return None


def _foreseen(story: Story) -> Iterator[Foreseen]:
    """All that the clock would have recorded up to the end of the span."""
    replay = Replay(SlaClock())
    for tick in story.ticks:
        if tick.happening is not None:
            yield from replay.happened(tick.happening)
        else:
            yield from replay.changed(tick.at, story.desk(tick.at))
    yield from replay.until(story.span.until - TICK)

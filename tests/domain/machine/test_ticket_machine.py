"""Random people do random things to several tickets; our desk and a model written independently agree on all of it."""

import os
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from domain.event import Event, Recorded
from tests.domain.machine import attempts, world
from tests.domain.machine.machine import Doing, Game
from tests.domain.machine.memory import MemoryDesk, at_once
from tests.domain.machine.people import People

assert attempts
# A longer search by hand: LEDGERDESK_EXAMPLES=5000.
EXAMPLES = int(os.environ.get("LEDGERDESK_EXAMPLES", "60"))
SEEDS = st.integers(0, 2**48)


class MemoryOffice:
    """One desk, in memory."""

    def __init__(self) -> None:
        self.desk = MemoryDesk(world.WORKSPACE)

    def run(self, doing: Doing) -> Any:
        """At once."""
        return at_once(doing(self.desk))

    def state(self, stream: UUID) -> Any:
        """As it is kept."""
        return at_once(self.desk.state(world.WORKSPACE, "ticket", stream)).state

    def events(self, stream: UUID) -> list[Recorded[Event]]:
        """As a reader gets them."""
        return at_once(self.desk.events(world.WORKSPACE, stream))

    def position(self) -> int:
        """The last event's."""
        return len(self.desk.log)


class TicketMachine(RuleBasedStateMachine):
    """Anything that anybody may want of a ticket, in any order."""

    @initialize()
    def begin(self) -> None:
        """An open desk with tickets on it."""
        self.game = Game(MemoryOffice())
        self.people = People(self.game)
        self.people.begin()

    @rule(seed=SEEDS)
    def somebody_does_something(self, seed: int) -> None:
        """What it was, is said where it goes wrong: a step means nothing without those before it."""
        self.people.play(seed)

    def teardown(self) -> None:
        """Nothing was left half done, and nothing is done twice."""
        if hasattr(self, "game"):
            self.game.replay()


def test_whatever_people_do_the_desk_does_what_the_model_says() -> None:
    run_state_machine_as_test(
        TicketMachine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=50,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )

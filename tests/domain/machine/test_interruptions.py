"""Whoever ties two tickets dies in between, and the process that ends it comes much later: both sides agree in the end."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from domain.errors import Refusal
from domain.ids import ticket_id
from domain.ticket.counterparts import other_number
from domain.ticket.state import Ticket
from eventstore.desk import Receipt
from tests.domain.machine import attempts, world
from tests.domain.machine.machine import Doing, Game
from tests.domain.machine.model import blank
from tests.domain.machine.people import TRIES, People
from tests.domain.machine.test_ticket_machine import MemoryOffice
from tests.domain.machine.ties import INVERSE, parent
from tests.domain.machine.views import spoken

TIES = [each for name, (_, each) in TRIES.items() if name.startswith(("merging", "splitting", "linking"))]
OTHERS = [attempts.opening, attempts.writing, attempts.erasing, attempts.moving, attempts.following, attempts.undoing]


class Interrupted(Game):
    """No model says what comes of halves; people see the tickets as they are."""

    def compare(self, name: str, wanted: Any, doing: Doing, also: Any = ()) -> None:
        """Refused, done, or cut off: never anything else."""
        receipt, refusal = self._tried(doing)
        assert refusal is None or isinstance(refusal, Refusal)
        if name == "open" and isinstance(receipt, Receipt):
            self.numbers.append(str(receipt.number))
        self._look()

    def interrupted(self) -> None:
        """Later."""

    def _look(self) -> None:
        for number in list(self.numbers):
            for recorded in self.office.events(ticket_id(world.WORKSPACE, number)):
                other = other_number(recorded.event)
                if other is not None and other not in self.numbers:
                    self.numbers.append(other)
        self.model.tickets = {number: blank(number) | spoken(self.state(number)) for number in self.numbers}

    def check(self, number: str) -> None:
        """There is nothing to hold it to yet."""


@pytest.mark.parametrize("seed", range(40))
def test_what_was_cut_off_is_ended_once_and_both_tickets_agree(seed: int) -> None:
    game, dice = Interrupted(MemoryOffice()), Random(seed)
    people = People(game)
    people.begin()
    for _ in range(40):
        people.dice = Random(dice.randrange(2**48))
        dice.choice([*TIES, *TIES, *OTHERS])(people)
        if people.chance(10):
            game.catch_up()
    game.catch_up()
    game._look()
    game.catch_up()
    position = game.office.position()
    game.catch_up()
    assert game.office.position() == position
    states: dict[str, Ticket] = {number: game.state(number) for number in game.numbers}
    for number, state in states.items():
        _agrees(number, state, states)
        assert _ends(number, lambda below: parent(spoken(states[below])))
        assert _ends(number, lambda below: states[below].ties.merged_into)


def _agrees(number: str, state: Ticket, states: dict[str, Ticket]) -> None:
    """What it says of others they say of it, unless they were deleted."""
    said = spoken(state)
    if state.erased:
        return
    if said["before"] is not None:
        assert said["merged_into"] != number
        into = states[said["merged_into"]]
        assert into.erased or number in spoken(into)["absorbed"]
    for absorbed in said["absorbed"]:
        assert states[absorbed].erased or states[absorbed].ties.merged_into == number
    for relation, other in said["links"]:
        assert states[other].erased or (INVERSE[relation], number) in spoken(states[other])["links"]
    assert len([other for relation, other in said["links"] if relation == "parent"]) <= 1
    for new in said["splits"].values():
        assert (states[new].opened, states[new].ties.withdrawn) == (True, False)
    if said["split_from"] and not said["withdrawn"]:
        assert states[said["split_from"]].erased or number in spoken(states[said["split_from"]])["splits"].values()


def _ends(number: str, above: Callable[[str], str | None]) -> bool:
    seen: list[str] = []
    while (found := above(number)) is not None and found not in seen:
        seen.append(found)
        number = found
    return found is None

"""What people try: for every throw of the dice somebody, a ticket, and something to do with it.

Mostly what may come of something: a dice that is thrown evenly refuses nearly everything.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, TypeVar
from uuid import UUID, uuid5

from tests.domain.machine import world
from tests.domain.machine.machine import Game
from tests.domain.machine.model import LEVELS, NOBODY, Given, Ticket, Who
from tests.domain.machine.world import BILLING, HARDWARE, LEFT, NETWORK, PRINTER, RITA, SAM, STAFF, VAULT, id_of

T = TypeVar("T")
Asked = dict[str, Any]
PUBLIC, INTERNAL, SECRET = "It does not print.", "INTERNAL it is the fuse", "SECRET PIN"
WHO = [*(STAFF[name] for name in ("admin", "lead", "ann") * 4 + ("ned", "scout") * 2), *STAFF.values(), RITA, RITA, SAM]
COLLEAGUES = [id_of(name) for name in ("ann", "ann", "ned", "agent", "scout", "lead", "control_room")]
STRANGERS = [LEFT, id_of("nobody")]
TAGS = ["vip", "紧急", "a b"]
RELATIONS = ["related", "parent", "parent", "child", "child", "duplicate", "original"]
STATUSES = [*world.model().statuses, "limbo"]
# On more tickets than these people hardly meet.
ROOM = 6
TRIES: dict[str, tuple[int, Callable[["People"], None]]] = {}


def tries(often: int = 2) -> Callable[[Callable[["People"], None]], Callable[["People"], None]]:
    """Register something to try, and how often."""

    def register(attempt: Callable[["People"], None]) -> Callable[["People"], None]:
        TRIES[attempt.__name__] = (often, attempt)
        return attempt

    return register


def _lives(ticket: Ticket) -> bool:
    return bool(ticket["opened"] and not ticket["erased"] and not ticket["merged_into"])


class People:
    """They play on one game."""

    def __init__(self, game: Game) -> None:
        self.game = game
        self.dice = Random(0)

    def begin(self) -> None:
        """Two tickets of one customer, and one of nobody."""
        self.game.begin("open", RITA, title="One", description=PUBLIC, confidential=SECRET)
        self.game.begin("open", STAFF["ann"], title="Two", requester_id=RITA.id, assignee=(BILLING, None, (), None))
        self.game.begin("open", STAFF["lead"], title="Three", category=HARDWARE)

    def play(self, seed: int) -> None:
        """One thing, as the seed has it."""
        self.dice = Random(seed)
        (attempt,) = self.dice.choices([each for _, each in TRIES.values()], [often for often, _ in TRIES.values()])
        attempt(self)

    def one(self, among: Sequence[T]) -> T:
        """Any of them."""
        return self.dice.choice(among)

    def chance(self, one_in: int) -> bool:
        """Seldom, for a large number."""
        return self.dice.randrange(one_in) == 0

    def who(self) -> Who:
        """Anybody, those who may do much more often."""
        return self.one(WHO)

    def number(self, fits: Callable[[Ticket], Any] = bool) -> str:
        """Mostly a ticket that it fits and that can be worked on; now and then one that there is not."""
        known = self.game.model.tickets
        fitting = [number for number in self.game.numbers if fits(known[number])]
        worked_on = [number for number in fitting if _lives(known[number])]
        if self.chance(50):
            return "999"
        return self.one(self.game.numbers if self.chance(10) else worked_on or fitting or self.game.numbers)

    def act(self, name: str, who: Who | None = None, number: str | None = None, **asked: Any) -> None:
        """Somebody does it."""
        self.game.act(name, who or self.who(), number or self.number(), **asked)

    def ticket(self, number: str) -> Ticket:
        """As the model has it."""
        return self.game.model.ticket(number)

    def person(self) -> UUID:
        """Mostly somebody who works here."""
        return self.one(STRANGERS if self.chance(15) else COLLEAGUES)

    def people(self, most: int) -> tuple[UUID, ...]:
        """Some of them, each once."""
        return tuple(dict.fromkeys(self.person() for _ in range(self.dice.randint(0, most))))

    def given(self) -> Given:
        """Whom a ticket can be given to."""
        team = self.one([None, None, BILLING, BILLING, NETWORK, id_of("Nowhere") if self.chance(6) else None])
        match self.dice.randrange(6):
            case 0:
                return NOBODY
            case 1 | 2:
                return team, self.person(), (), None
            case 3:
                return team, None, self.people(3), None
            case 4:
                return team, None, (), self.one(["agent", "agent", "hardware", "lead", "requester", "pope"])
            case _:
                return team or BILLING, None, (), None

    def category(self) -> tuple[str, ...]:
        """Mostly one that there is."""
        return ("Software",) if self.chance(15) else self.one([(), HARDWARE, PRINTER, VAULT])

    def tags(self, least: int = 0) -> frozenset[str]:
        """Some."""
        return frozenset(self.dice.sample(TAGS, self.dice.randint(least, 2)))

    def fields(self) -> Asked:
        """Values that Python holds to be the same, too."""
        return {name: self.one([None, 1, True, 1.5, "二楼"]) for name in ("room", "floor") if self.chance(2)}

    def files(self) -> tuple[UUID, ...]:
        """New ones."""
        count = self.one([0, 0, 1, 2])
        return tuple(uuid5(world.WORKSPACE, f"file {len(self.game.commands)} {place}") for place in range(count))

    def some(self, **offered: Any) -> Asked:
        """Some of what is offered."""
        return {name: value for name, value in offered.items() if self.chance(2)}

    def form(self, who: Who) -> Asked:
        """What somebody writes who opens a ticket."""
        fields = {name: value for name, value in self.fields().items() if value is not None}
        of_anybody = self.some(description=PUBLIC, fields=fields, priority=self.one(LEVELS), confidential=SECRET)
        filed = self.some(type=self.one(["incident", "question"]), category=self.category())
        if who.kind == "requester":
            return {"title": "打印机坏了", **of_anybody, **filed}
        of_desk = self.some(requester_id=self.one([RITA.id, RITA.id, SAM.id]), tags=tuple(sorted(self.tags())))
        handed = self.some(assignee=self.given(), followers=self.people(2))
        status = {"status": self.one(STATUSES)} if self.chance(4) else {}
        return {"title": "打印机坏了", **of_anybody, **filed, **of_desk, **handed, **status}

    def full(self) -> bool:
        """Whether there are tickets enough."""
        return len(self.game.numbers) >= ROOM

    def handler(self, number: str) -> Who:
        """Whoever has it; anybody, where nobody has."""
        person = self.ticket(number)["assignee"][1]
        return next((who for who in STAFF.values() if who.id == person), self.who())

    def requester(self, number: str) -> Who:
        """Mostly whose ticket it is."""
        mine = SAM if self.ticket(number)["requester"] == SAM.id else RITA
        return self.one([RITA, SAM]) if self.chance(6) else mine

    def message(self, number: str) -> UUID:
        """One of the ticket's, or none."""
        known = [*self.ticket(number)["messages"], *[id_of("no message")] * self.chance(8)]
        return self.one(known or [id_of("no message")])

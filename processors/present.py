"""A ticket as a timer finds it."""

from collections.abc import Callable
from functools import cached_property

from domain.happening import Situation
from domain.ticket.state import Ticket


class Present:
    """A ticket as it is: what decisions see at once, what rules and promises see when somebody asks for it."""

    def __init__(self, ticket: Ticket, situation: Callable[[], Situation]) -> None:
        self.ticket, self._situation = ticket, situation

    @classmethod
    def of(cls, situation: Situation) -> "Present":
        """Where that is known already."""
        return cls(situation.ticket, lambda: situation)

    @cached_property
    def situation(self) -> Situation:
        """All that is known of it."""
        return self._situation()

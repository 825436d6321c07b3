"""One ticket as a backtest reads it: moment after moment, each with the desk as it was and the time until the next one."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, NamedTuple, Protocol, TypeVar

from domain.actions import Action
from domain.catalogue import Catalogue
from domain.errors import Refusal
from domain.event import Event, Metadata, Recorded
from domain.happening import Happening, Situation
from domain.requester import Requester

T = TypeVar("T")


class AsOf(Generic[T]):
    """The states of something, found by place in the log or by time."""

    def __init__(self, first: T) -> None:
        self._positions: list[int] = [0]
        self._moments: list[datetime] = []
        self._states: list[T] = [first]

    def add(self, recorded: Recorded[Event], state: T) -> None:
        """It is so from that event on. In the order of the log."""
        self._positions.append(recorded.position)
        # The log's order counts where clocks disagree.
        at = recorded.metadata.occurred_at
        self._moments.append(max(at, self._moments[-1]) if self._moments else at)
        self._states.append(state)

    def before(self, position: int) -> T:
        """As it was just before that place in the log."""
        return self._states[bisect_left(self._positions, position) - 1]

    def at(self, moment: datetime) -> T:
        """As it was at that time."""
        return self._states[bisect_right(self._moments, moment)]


class Tick(NamedTuple):
    """Something happened to the ticket, or (no happening) rules changed. `until` is when the next tick comes."""

    at: datetime
    until: datetime
    happening: Happening | None


class Span(NamedTuple):
    """From when on a rule is taken to be in force, and until when."""

    since: datetime
    until: datetime

    def holds(self, moment: datetime) -> bool:
        """Whether that time is in it; its end is not."""
        return self.since <= moment < self.until


@dataclass(frozen=True, slots=True)
class Story:
    """A ticket's ticks in order, up to the end of the span, and whom and what it met at any time.

    What rules did in the span is not in it but in a glimpse: it is worked out anew. `become` says what has become of the
    ticket by that; the next tick goes on from there.
    """

    ticks: Iterable[Tick]
    span: Span
    become: Callable[[Situation], None]
    desk: Callable[[datetime], Catalogue]
    requester: Callable[[datetime], Requester | None]


class Fact(NamedTuple):
    """What would have become of a promise: it was made, or late (of which measure), brought to mind, or escalated (which step)."""

    kind: str
    measure: str | None = None
    step: str | None = None


class Found(NamedTuple):
    """What would have been done to a ticket that had this version then, or why it could not; of a promise, what became of it."""

    at: datetime
    version: int
    actions: tuple[Action, ...] = ()
    refusal: Refusal | None = None
    fact: Fact | None = None


class Reading(NamedTuple):
    """What has to be read to tell whether a ticket may be concerned: all that is left out is taken to be unknown.

    `topics`: where there is no other rule, only a ticket that has one of them; None: any. `content`: titles, fields, words.
    """

    topics: frozenset[str] | None = None
    content: bool = False
    description: bool = False
    before: bool = False
    course: bool = False
    requester: bool = False


class Tested(Protocol):
    """What can be backtested: a trigger, an automation, a policy.

    CHANGES of the workspace let it look anew. ANEW: what rules did in the span is worked out anew.
    """

    CHANGES: ClassVar[tuple[type[Event], ...]]
    ANEW: ClassVar[bool]

    @property
    def reading(self) -> Reading:
        """What `may_concern` asks."""

    def in_force(self, desk: Catalogue) -> Catalogue:
        """The desk as it would have been."""

    def follows(self, envelope: Metadata) -> bool:
        """Whether a ticket with such an event may be concerned whatever else it has: without it, other things happen."""

    def may_concern(self, story: Story) -> bool:
        """A quick look, of the story as far as it was read: False only where `found` certainly finds nothing."""

    def found(self, story: Story) -> Iterator[Found]:
        """What would have been done, given the whole story."""


# Words that were written for a ticket, or about it: whoever may not see the ticket may not see them either.
_WORDS = frozenset({"body", "note", "reason", "value"})


def without_words(actions: Sequence[Action]) -> list[dict[str, object]]:
    """The actions as JSON, with all that is structure and nothing that is content."""
    return [action.model_dump(mode="json", exclude=set(_WORDS), exclude_defaults=True) for action in actions]

"""What a read model is: tables, a version, and a fold that takes a page of events and writes set-wise."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from psycopg import Cursor

from domain.event import Event, Recorded


@dataclass(frozen=True, slots=True)
class Page:
    """The events of a stretch of the log that a read model is interested in, in order."""

    events: Sequence[Recorded[Event]]

    def __iter__(self) -> Iterator[Recorded[Event]]:
        return iter(self.events)


class ReadModel(ABC):
    """One projection of the log. Raise VERSION when tables or fold change: it is then built anew beside the old one."""

    NAME: ClassVar[str]
    VERSION: ClassVar[int]
    # SQL that makes the tables; unqualified names, for the build's schema comes first in the search path.
    TABLES: ClassVar[str]
    # Made once the bulk of a build is in, which is quicker than keeping them up row by row.
    INDEXES: ClassVar[str] = ""
    # "table" and "table.column" to what analysts should know of them; complete.
    COMMENTS: ClassVar[Mapping[str, str]]
    # Tables that only our own queries can make sense of: seen in `ops`, each row bound to the workspace, by no analyst.
    SEARCHED: ClassVar[frozenset[str]] = frozenset()
    # Tables of which our queries ask whether a row is still the one that they read: seen in `ops` with `row_version`.
    VERSIONED: ClassVar[frozenset[str]] = frozenset()
    EVENTS: ClassVar[tuple[type[Event], ...]]
    # Events whose content is needed; that of the others stays closed, which saves opening it.
    OPENS: ClassVar[tuple[type[Event], ...]] = ()
    # Whether an event writes nothing but rows of its own stream and reads no others of these tables: then several workers may
    # keep them, each the streams of its partitions. Whatever counts or orders over streams has one owner.
    PARTITIONED: ClassVar[bool] = False
    # It takes what is new once in so many seconds; for one whose pages cost more than their events ...
    LEISURE: ClassVar[float] = 0.0
    # ... but these at once.
    URGENT: ClassVar[tuple[type[Event], ...]] = ()

    @abstractmethod
    def apply(self, page: Page, db: Cursor[Any]) -> None:
        """Bring the tables to the end of the page. The same page again must change nothing."""

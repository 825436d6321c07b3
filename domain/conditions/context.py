"""Who asks, when and where: what the placeholders and the relative times of a condition stand for."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Context:
    """`now` carries a time zone; `zone` (IANA) says when days, weeks and months begin."""

    now: datetime
    zone: str = "UTC"
    person: UUID | None = None
    teams: frozenset[UUID] = frozenset()
    organisation: UUID | None = None

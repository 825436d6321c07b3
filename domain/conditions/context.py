"""Who asks, when and where: what the placeholders and the relative times of a condition stand for."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.organisation_merges import APART, Merges


@dataclass(frozen=True, slots=True)
class Context:
    """`now` carries a time zone; `zone` (IANA) says when days, weeks and months begin; `merges` which organisations are one."""

    now: datetime
    zone: str = "UTC"
    person: UUID | None = None
    teams: frozenset[UUID] = frozenset()
    organisation: UUID | None = None
    merges: Merges = APART

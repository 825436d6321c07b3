"""How a person wants to be told: which kinds by which channels, when not, and whether mails are gathered (E6)."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from domain.values import Whole, Zone

DAY = 24 * 60
Minute = Annotated[Whole, Field(ge=0, lt=DAY)]
Language = Literal["en", "zh-CN"]


class Kind(StrEnum):
    """Why somebody is told. The order is that in which reasons are named."""

    ESCALATED = "escalated"
    OVERDUE = "overdue"
    REMINDER = "reminder"
    URGED = "urged"
    MENTIONED = "mentioned"
    ASSIGNED = "assigned"
    APPROVAL = "approval"
    NEW_TICKET = "new_ticket"
    WEBHOOK_PAUSED = "webhook_paused"
    RULE = "rule"
    CUSTOMER_REPLIED = "customer_replied"
    STATUS_CHANGED = "status_changed"
    FOLLOWED = "followed"


class Channel(StrEnum):
    """A way to be told: in the inbox of Ledgerdesk, or by mail."""

    INBOX = "inbox"
    MAIL = "mail"


# What is meant for one person by name, or cannot wait, is mailed too unless they say otherwise.
USUAL: Mapping[Kind, tuple[Channel, ...]] = {
    kind: (Channel.INBOX,)
    if kind in (Kind.NEW_TICKET, Kind.CUSTOMER_REPLIED, Kind.STATUS_CHANGED, Kind.FOLLOWED)
    else (Channel.INBOX, Channel.MAIL)
    for kind in Kind
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Quiet(_Part):
    """No mail from `starts` up to, not including, `ends`, in minutes after midnight; an earlier end is on the next day."""

    starts: Minute
    ends: Minute

    @model_validator(mode="after")
    def _some(self) -> Self:
        """Neither nothing nor the whole day."""
        if self.starts == self.ends:
            raise ValueError("quiet hours end at another time than they start; turn mail off instead of all day")
        return self


class Digest(_Part):
    """Mails are gathered into one: each full hour, or each day `at` so many minutes after midnight."""

    every: Literal["hour", "day"]
    at: Minute = 8 * 60


class Preferences(_Part):
    """All of a person's; a kind that is not named goes the usual ways, one with no channel is not told."""

    channels: dict[Kind, tuple[Channel, ...]] = Field(default_factory=dict)
    quiet: Quiet | None = None
    digest: Digest | None = None
    zone: Zone = "UTC"
    language: Language = "en"

    def ways(self, kinds: Iterable[Kind]) -> tuple[Channel, ...]:
        """The channels by which something of those kinds is told."""
        wanted = {channel for kind in kinds for channel in self.channels.get(kind, USUAL[kind])}
        return tuple(channel for channel in Channel if channel in wanted)

    def mailed_at(self, at: datetime) -> datetime:
        """When a mail about what happened then goes out: with the next digest, and not in quiet hours."""
        due = _gathered(self.digest, at, self.zone) if self.digest else at
        return _next(self.quiet.ends, self.zone, due) if self.quiet and _within(self.quiet, self.zone, due) else due


# Of whoever has not said anything else.
USUALLY = Preferences()


def _gathered(digest: Digest, at: datetime, zone: str) -> datetime:
    if digest.every == "hour":
        return at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return _next(digest.at, zone, at)


def _within(quiet: Quiet, zone: str, at: datetime) -> bool:
    here = at.astimezone(ZoneInfo(zone))
    minute = here.hour * 60 + here.minute
    if quiet.starts < quiet.ends:
        return quiet.starts <= minute < quiet.ends
    return minute >= quiet.starts or minute < quiet.ends


def _next(minute: int, zone: str, after: datetime) -> datetime:
    """When the clock on the wall there shows that minute next; an hour that a change of clocks repeats counts twice."""
    return next(moment for moment in _moments(minute, zone, after) if moment > after)


def _moments(minute: int, zone: str, after: datetime) -> Iterator[datetime]:
    here = after.astimezone(ZoneInfo(zone))
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    for days in range(3):
        shown = (midnight + timedelta(days=days)).replace(hour=minute // 60, minute=minute % 60)
        yield from (shown.replace(fold=fold).astimezone(UTC) for fold in (0, 1))

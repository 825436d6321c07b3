"""What one is told (A13, A24, E5, E6): the inbox, what of it was read, and how one wants to be told; live in `notifications_live`."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import anyio.to_thread
from fastapi import Query, Response
from psycopg import Cursor
from pydantic import BaseModel, ConfigDict, Field, model_validator

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.bodies import Body
from api.errors import NotCaughtUp, ReadModelMissing
from api.following import reached
from api.problems import problems
from api.ticket_lists import context, names_of, prepared, reading
from domain.conditions import NEVER
from domain.errors import CommandIdReused, InvalidInput, VersionConflict
from domain.event import Actor
from domain.inbox.preferences import USUAL, Channel, Kind, Preferences
from domain.inbox.reading import ReadNotifications
from domain.permissions import Permission
from domain.setup.notifications import SetNotifications
from domain.values import Whole
from projections import freshness, inbox
from projections.inbox import Notice

router = routing.router("notifications")

LARGEST_PAGE = 100
# What is shown of a notification comes from these.
READ_FROM = ("inbox", "ticket_list", "ticket_timeline")
_CHANGES: dict[str, Any] = {
    "response_model": Changed,
    "openapi_extra": CHANGES,
    "responses": documented() | problems(InvalidInput, VersionConflict, CommandIdReused, ReadModelMissing),
}


class NotificationView(BaseModel):
    """Something that one is told of, and why."""

    id: UUID
    number: str | None = Field(description="Of the ticket; null where it is about none.")
    kinds: list[Kind] = Field(description="Why; the most pressing reason first.")
    by: Actor
    at: datetime = Field(description="When it happened.")
    position: int
    read_at: datetime | None = Field(description="Null while it is unread.")
    title: str | None = Field(
        description="Of the ticket; null without one, once erased, or where you may no longer see it."
    )
    text: str | None = Field(description="What was written with it; null where there is nothing, or not any more.")


class InboxPage(BaseModel):
    """Notifications, newest first."""

    notifications: list[NotificationView]
    unread: int = Field(description="How many you have not read in all.")
    next: int | None = Field(description="Send it as `before` to get the next page; null on the last.")
    names: dict[UUID, str | None] = Field(description="Of the people who did it.")


class ReadBody(Body):
    """What was read: all up to a position, or some."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"upto": 812}]})

    upto: Whole = Field(default=0, ge=0, le=2**63 - 1, description="The position of the newest that was seen.")
    notifications: tuple[UUID, ...] = Field(default=(), max_length=500)

    @model_validator(mode="after")
    def _something(self) -> "ReadBody":
        """Nothing is no answer."""
        if not self.upto and not self.notifications:
            raise ValueError("say what was read: `upto` a position, or which `notifications`")
        return self


class PreferencesView(Preferences):
    """How one wants to be told, with what holds where one has not said anything."""

    usual: dict[Kind, tuple[Channel, ...]] = Field(description="The ways of kinds that are not in `channels`.")


@router.get(
    "/me/notifications",
    response_model=InboxPage,
    responses=problems(NotCaughtUp, ReadModelMissing, InvalidInput),
    dependencies=[reached(name) for name in READ_FROM],
)
def list_notifications(
    me: Caller = needs(Permission.WORKSPACE_VIEW),
    before: Annotated[int | None, Query(ge=0, le=2**63 - 1, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
    unread: Annotated[bool, Query(description="Only those that you have not read.")] = False,
) -> Response:
    """What you were told, newest first, and how much of it you have not read."""
    with reading(me) as db:
        position = min(freshness.position_of(db, name) for name in READ_FROM)
        found = inbox.newest(db, me.id, before=before, limit=limit + 1, unread_only=unread)
        page, more = found[:limit], len(found) > limit
        told = told_to(me, db, page)
        count = inbox.unread(db, me.id)
    answer = {"notifications": told, "unread": count, "next": page[-1].position if more else None}
    return prepared(answer | {"names": names_of(me, doers(page))}, position)


@router.post("/me/notifications/read", **_CHANGES)
async def read_notifications(body: ReadBody, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> Response:
    """Mark as read: everything up to a position, or some; what is none of yours, or read already, stays as it is."""
    unread = await anyio.to_thread.run_sync(_unread, me, body.notifications)
    asked = {"person_id": me.id, "upto": body.upto, "notifications": body.notifications, "unread": unread}
    return changed(await me.execute(ReadNotifications(**me.context(), **asked)))


@router.get("/me/notification-preferences", response_model=PreferencesView)
async def read_preferences(me: Caller = needs(Permission.WORKSPACE_VIEW)) -> PreferencesView:
    """How you want to be told."""
    return PreferencesView(**dict(me.desk.acting(me.actor).notifications), usual=dict(USUAL))


@router.put("/me/notification-preferences", **_CHANGES)
async def set_preferences(body: Preferences, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> Response:
    """Say how you want to be told, all of it: channels by kind, quiet hours, digests, time zone and language of mails."""
    return changed(await me.execute(SetNotifications(**me.context(), person_id=me.id, preferences=body)))


def told_to(me: Caller, db: Cursor[Any], notices: list[Notice]) -> list[dict[str, Any]]:
    """The notifications as the caller may read them now."""
    reach = me.reach if Permission.TICKET_VIEW in me.permissions else NEVER
    said = inbox.said(db, notices, reach, context(me))
    return [
        {
            "id": notice.notification_id,
            "number": notice.number,
            "kinds": notice.kinds,
            "by": {"kind": notice.doer_kind, "id": notice.doer_id},
            "at": notice.happened_at,
            "position": notice.position,
            "read_at": notice.read_at,
            "title": words.title,
            "text": words.text,
        }
        for notice, words in zip(notices, said, strict=True)
    ]


def doers(notices: list[Notice]) -> set[UUID]:
    """The people who did what is told."""
    return {UUID(notice.doer_id) for notice in notices if notice.doer_kind == "person"}


def _unread(me: Caller, which: tuple[UUID, ...]) -> tuple[UUID, ...]:
    if not which:
        return ()
    with reading(me) as db:
        return tuple(inbox.unread_of(db, me.id, list(which)))

"""`ledgerdesk inbox`: what somebody is told, and what of it they have not read."""

import asyncio
from uuid import UUID

import typer
from pydantic_core import to_json

from cli.find import AS, JSON, Seeing, seeing
from cli.opening import WORKSPACE, ready
from cli.story import minute
from domain.event import Actor
from domain.inbox.reading import ReadNotifications
from eventstore.desk import Desk
from eventstore.identifiers import uuid7
from eventstore.keyring import Keyring
from eventstore.settings import Settings
from projections import inbox as stored
from projections.inbox import Notice, Said

LISTED = 50


def inbox(
    unread: bool = typer.Option(False, "--unread", help="Only what was not read."),
    read: bool = typer.Option(False, "--read", help="Mark what is listed, and all before it, as read."),
    workspace: str | None = WORKSPACE,
    who: str | None = AS,
    as_json: bool = JSON,
) -> None:
    """List somebody's notifications, newest first.

    Example: ledgerdesk inbox --as ann@example.com --unread
    """
    with seeing(workspace, who) as me:
        person = me.person.id
        found = stored.newest(me.db, person, limit=LISTED, unread_only=unread)
        said = stored.said(me.db, found, me.reach, me.context)
        count = stored.unread(me.db, person)
        lines = [_line(me, notice, words) for notice, words in zip(found, said, strict=True)]
        of, actor = me.workspace, me.actor
    if as_json:
        told = [notice._asdict() | words._asdict() for notice, words in zip(found, said, strict=True)]
        typer.echo(to_json({"notifications": told, "unread": count}).decode())
    else:
        typer.echo("\n".join([f"{count} unread.", *lines]))
    if read and found:
        with ready() as settings:
            asyncio.run(_read(settings, of, actor, found[0].position))


async def _read(settings: Settings, workspace: UUID, actor: Actor, upto: int) -> None:
    async with Desk(str(settings.database_url), Keyring(*settings.master_keys())) as desk:
        context = {"workspace_id": workspace, "by": actor, "at": desk.clock(), "command_id": uuid7(), "channel": "cli"}
        await desk.execute(ReadNotifications(person_id=UUID(actor.id), upto=upto, **context))


def _line(me: Seeing, notice: Notice, said: Said) -> str:
    mark = " " if notice.read_at else "*"
    doer = me.names.actor(Actor(kind=notice.doer_kind, id=notice.doer_id))
    why = ", ".join(notice.kinds).replace("_", " ")
    title = f" «{said.title}»" if said.title else ""
    ticket = f"{notice.number}{title}  " if notice.number else ""
    return f"{mark} {minute(notice.happened_at)}  {ticket}{why}, by {doer}"

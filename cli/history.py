"""`ledgerdesk history`: the story of one ticket, told by the log itself."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import typer
from psycopg import Cursor

from cli.opening import WORKSPACE, chosen, keyring_of, reading, ready
from cli.redaction import hidden, redactions
from cli.story import Names, minute, path, quoted, said
from domain.catalogue import shown
from domain.errors import InvalidInput, LedgerdeskError
from domain.event import Event, Recorded
from domain.ids import ticket_id
from domain.ticket.state import Ticket, UnknownTicket
from eventstore.keyring import Keyring
from eventstore.stories import folded, stream
from eventstore.workspaces import KnownWorkspace, known_workspaces

_DAY = re.compile(r"\d{4}-?\d{2}-?\d{2}")

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class InSeveralWorkspaces(LedgerdeskError):
    """Two workspaces have a ticket of that number."""

    code = "in_several_workspaces"
    sentence = "Several workspaces have a ticket {number}: {workspaces}. Say which with --workspace."
    misuse = True


class NotYetOpened(LedgerdeskError):
    """The moment lies before the ticket."""

    code = "not_yet_opened"
    sentence = "Ticket {number} did not exist then; it was opened at {opened} UTC."
    misuse = True


@dataclass(frozen=True)
class Story:
    """A ticket's events up to some moment, and the names to tell them with."""

    workspace: KnownWorkspace
    events: list[Recorded[Event]]
    names: Names

    @property
    def ticket(self) -> Ticket:
        """The ticket as these events leave it."""
        state: Ticket = folded("ticket", self.events)
        return state


@app.command()
def history(
    number: str = typer.Argument(..., help="The ticket's number."),
    at: str | None = typer.Option(None, metavar="WHEN", help="As it stood then: a time (UTC) or a version like v12."),
    workspace: str | None = WORKSPACE,
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object."),
) -> None:
    """Tell who did what to a ticket, when, and from what to what.

    Example: ledgerdesk history INC0000047 --at 2016-03-01T09:00
    """
    with ready() as settings, reading(settings) as cursor:
        story = told(cursor, keyring_of(settings), number, workspace)
    if at is not None:
        story = upto(story, number, at)
    typer.echo(json.dumps(as_object(story, number), ensure_ascii=False) if as_json else as_text(story, number))


def told(db: Cursor[Any], keyring: Keyring, number: str, slug: str | None) -> Story:
    """The whole story; UnknownTicket, or InSeveralWorkspaces where the number alone does not tell."""
    known = known_workspaces(db)
    among = known if slug is None else [chosen(slug, known)]
    found = [(w, events) for w in among if (events := stream(db, keyring, ticket_id(w.id, number)))]
    if not found:
        raise UnknownTicket(number=number)
    if len(found) > 1:
        raise InSeveralWorkspaces(number=number, workspaces=", ".join(w.slug for w, _ in found))
    workspace, events = found[0]
    redacted = redactions(events)
    events = [hidden(recorded, redacted) for recorded in events]

    @cache
    def requester(requester_id: UUID) -> str:
        registered = folded("requester", stream(db, keyring, requester_id))
        return str(registered.requester_name) if registered.registered else f"requester {requester_id}"

    names = Names(folded("workspace", stream(db, keyring, workspace.id)), requester)
    for recorded in events:  # while the connection is open: names are looked up as they are needed
        said(recorded.event, names)
        names.actor(recorded.metadata.actor)
    if (requester_of := folded("ticket", events).requester_id) is not None:
        requester(requester_of)
    return Story(workspace, events, names)


def upto(story: Story, number: str, at: str) -> Story:
    """The story as far as a version or a moment."""
    if found := re.fullmatch(r"v(\d{1,18})", at):
        last = int(found[1])
    else:
        moment = _moment(at)
        last = max((r.version for r in story.events if r.metadata.occurred_at <= moment), default=0)
    if last < 1:
        raise NotYetOpened(number=number, opened=minute(story.events[0].metadata.occurred_at))
    return Story(story.workspace, [r for r in story.events if r.version <= last], story.names)


def _moment(at: str) -> datetime:
    try:
        moment = datetime.fromisoformat(at)
        if _DAY.fullmatch(at):
            moment += timedelta(days=1, microseconds=-1)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        reason = "is neither a time like 2016-03-01T09:00 nor a version like v12"
        raise InvalidInput(field="--at", reason=reason) from None


def as_text(story: Story, number: str) -> str:
    """The ticket as it stands, then one line an event."""
    names, last = story.names, story.events[-1]
    lines = [f"{number} {standing(story.ticket, names)}"]
    lines.append(f"Workspace {story.workspace.slug}, version {last.version}; all times UTC.\n")
    lines += [_line(recorded, names) for recorded in story.events]
    if any(r.metadata.channel == "import" for r in story.events):
        first, final = (minute(r.recorded_at) for r in (story.events[0], last))
        lines.append(f"\nTold by another system's log; recorded here {first} to {final}.")
    return "\n".join(lines)


def _line(recorded: Recorded[Event], names: Names) -> str:
    sentence = said(recorded.event, names)
    end = "" if "\n" in sentence else "."
    return f"{minute(recorded.metadata.occurred_at)}  v{recorded.version}  {who(recorded, names)} {sentence}{end}"


def standing(ticket: Ticket, names: Names) -> str:
    """The ticket in one paragraph."""
    if ticket.erasing:
        return f"{quoted(ticket.title)}: deleted for ever"
    parts = [
        f"is {names.status(ticket.status)}",
        f"priority {ticket.priority}",
        f"with {names.assignee(ticket.assignee)}",
    ]
    if ticket.requester_id is not None:
        parts.append(f"for {names.requester(ticket.requester_id)}")
    if ticket.category:
        parts.append(f"in {path(ticket.category)}")
    if ticket.tags:
        parts.append(f"tagged {', '.join(sorted(ticket.tags))}")
    fields = "".join(
        f"\n  {key}: {names.value(f'fields.{key}', value)}" for key, value in (shown(ticket.fields) or {}).items()
    )
    return f"{quoted(ticket.title)} {', '.join(parts)}.{fields}"


def who(recorded: Recorded[Event], names: Names) -> str:
    """The actor, and for whom, if for somebody else."""
    envelope = recorded.metadata
    behalf = f" for {names.actor(envelope.on_behalf_of)}" if envelope.on_behalf_of else ""
    if envelope.rule_id is not None:
        return f"{names.rule(envelope.rule_id, envelope.rule_version)}, version {envelope.rule_version},{behalf}"
    return names.actor(envelope.actor) + behalf


def as_object(story: Story, number: str) -> dict[str, Any]:
    """The same for programs."""
    ticket, names = story.ticket, story.names
    return {
        "number": number,
        "workspace": story.workspace.slug,
        "version": story.events[-1].version,
        "title": shown(ticket.title),
        "status": ticket.status,
        "kind": ticket.kind,
        "priority": ticket.priority,
        "assignee": names.assignee(ticket.assignee),
        "requester": names.requester(ticket.requester_id) if ticket.requester_id else None,
        "category": list(ticket.category),
        "tags": sorted(ticket.tags),
        "fields": shown(ticket.fields),
        "reopenings": ticket.reopenings,
        "erased": ticket.erasing,
        "history": [_entry(recorded, names) for recorded in story.events],
    }


def _entry(recorded: Recorded[Event], names: Names) -> dict[str, Any]:
    metadata = recorded.metadata
    return {
        "version": recorded.version,
        "position": recorded.position,
        "occurred_at": metadata.occurred_at.isoformat(),
        "recorded_at": recorded.recorded_at.isoformat(),
        "by": names.actor(metadata.actor),
        "on_behalf_of": names.actor(metadata.on_behalf_of) if metadata.on_behalf_of else None,
        "channel": metadata.channel,
        "event": recorded.event.NAME,
        "sentence": said(recorded.event, names),
        "command_id": str(metadata.command_id),
        "causation_id": str(metadata.causation_id) if metadata.causation_id else None,
        "rule_id": str(metadata.rule_id) if metadata.rule_id else None,
        "rule_version": metadata.rule_version,
    }

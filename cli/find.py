"""`ledgerdesk list`, `search`, `show` and `views`: tickets as the desk's lists have them, by the read models' own queries."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import typer
from psycopg import Cursor
from pydantic_core import from_json, to_json

from api.errors import ReadModelMissing
from api.ticket_lists import PUBLIC
from cli.history import told
from cli.naming import Register
from cli.opening import WORKSPACE, chosen, keyring_of, reading, ready
from cli.showing import of_log, table
from cli.story import Names
from domain.access import reach
from domain.catalogue import Catalogue
from domain.conditions import ALWAYS, Condition, Context, parse
from domain.errors import InvalidInput, NotAllowed
from domain.event import SYSTEM, Actor
from domain.permissions import Permission
from domain.requester import Requester
from domain.saved_view import UnknownView
from domain.staff import Person
from eventstore.database import reader_pool
from eventstore.reading import bound
from eventstore.settings import Settings
from eventstore.stories import folded, stream
from eventstore.workspaces import known_workspaces
from projections import saved_views, search_hits, ticket_pages, ticket_totals, view_counts
from projections.search_hits import Audience
from projections.search_marks import snippet
from projections.search_terms import parsed
from projections.ticket_pages import ListQuery

AS = typer.Option(None, "--as", metavar="WHO", help="See what this person or requester sees; else everything.")
# Views that ask who is looking; the others show everybody the same.
_OF_A_PERSON = frozenset({"mine", "to_claim", "followed"})
_NOBODY = Person(UUID(int=0), "", None, "")
JSON = typer.Option(False, "--json", help="Print one JSON object.")


@dataclass(frozen=True)
class Seeing:
    """A read of one workspace in somebody's name."""

    db: Cursor[Any]
    workspace: UUID
    desk: Catalogue
    actor: Actor
    names: Names
    absorbed: frozenset[UUID] = frozenset()

    @property
    def person(self) -> Person:
        """Whose views are meant; InvalidInput where nobody is named."""
        if self.actor.kind != "person":
            raise InvalidInput(field="--as", reason="say whose view it is: the e-mail address of somebody of the desk")
        return self.desk.acting(self.actor)

    @property
    def context(self) -> Context:
        """Who asks, when and where, for conditions."""
        now, merges = datetime.now(UTC), self.desk.organisations
        if self.actor.kind != "person":
            return Context(now, merges=merges)
        return Context(now, self.person.zone, self.person.id, self.person.teams, merges=merges)

    @property
    def reach(self) -> Condition | None:
        """Which tickets they may see; None is all."""
        return reach(self.desk, self.actor, self.absorbed)

    @property
    def audience(self) -> Audience:
        """The same for a search."""
        if self.actor.kind == "requester":
            return Audience((UUID(self.actor.id), *self.absorbed), None, self.context)
        return Audience(None, self.reach, self.context)

    def visible(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The rows as they may see them."""
        return [{k: row[k] for k in PUBLIC} for row in rows] if self.actor.kind == "requester" else rows


def list_(
    view: str | None = typer.Option(None, help="A view: urgent, mine, ..., or the id or name of a saved one."),
    where: str | None = typer.Option(None, metavar="JSON", help="A condition in the condition language."),
    sort: str | None = typer.Option(None, help="Columns, - for descending: -priority,updated_at"),
    limit: int = typer.Option(50, min=1, max=ticket_pages.LARGEST_PAGE, help="How many tickets."),
    after: str | None = typer.Option(None, metavar="CURSOR", help="The cursor `next` of the page before."),
    everywhere: bool = typer.Option(False, help="With what is archived, spam, snoozed, merged or withdrawn."),
    workspace: str | None = WORKSPACE,
    who: str | None = AS,
    as_json: bool = JSON,
) -> None:
    """List tickets, with how many there are.

    Example: ledgerdesk list --where '{"all": [{"field": "priority", "op": "is", "value": "urgent"}]}' --sort opened_at
    """
    if view is not None and where is not None:
        raise InvalidInput(field="--where", reason="give a view or a condition, not both")
    with seeing(workspace, who) as me:
        condition, usual = _view(me, view) if view else (_condition(where), "-updated_at")
        query = ListQuery(condition, me.reach, everywhere, sort or usual, limit, after)
        try:
            page = ticket_pages.page(me.db, me.workspace, query, me.context)
        except psycopg.DataError:
            raise InvalidInput(field="--after", reason="is not a cursor of this list; begin without it") from None
        total = ticket_totals.total(me.db, me.workspace, query, me.context, page.found)
        rows = me.visible(page.rows)
        if as_json:
            answer = {"tickets": rows, "next": page.next, "total": total.tickets, "total_is_capped": total.capped}
            typer.echo(to_json(answer).decode())
            return
        more = f"; more with --after {page.next}" if page.next else ""
        typer.echo("\n".join([*table(rows, me.names), f"{len(rows)} of {counted(total)}{more}"]))


def search(
    words: list[str] = typer.Argument(..., metavar="WORDS", help='What to look for; "in quotes" together, -word not.'),
    limit: int = typer.Option(20, min=1, max=search_hits.LARGEST_PAGE, help="How many tickets."),
    after: str | None = typer.Option(None, metavar="CURSOR", help="The cursor `next` of the page before."),
    workspace: str | None = WORKSPACE,
    who: str | None = AS,
    as_json: bool = JSON,
) -> None:
    """Find tickets by words of their titles, messages, fields, numbers and file names.

    Example: ledgerdesk search 打印机 toner
    """
    query = parsed(" ".join(words))
    begin = search_hits.opened_cursor(after) if after else None
    with seeing(workspace, who) as me:
        hits = search_hits.page(me.db, query, me.audience, limit, begin)
        rows = me.visible([from_json(hit.written) for hit in hits.found])
        around = [snippet(hit.body, query.marked).text if hit.body else None for hit in hits.found]
        if as_json:
            found = [
                {"ticket": row, "part": hit.part, "snippet": text}
                for row, hit, text in zip(rows, hits.found, around, strict=True)
            ]
            typer.echo(to_json({"tickets": found, "next": hits.next}).decode())
            return
        for line, text in zip(table(rows, me.names), around, strict=True):
            typer.echo(f"{line}\n    {' '.join(text.split())}" if text else line)
        if hits.next:
            typer.echo(f"more with --after {hits.next}")


def views(workspace: str | None = WORKSPACE, who: str | None = AS, as_json: bool = JSON) -> None:
    """List the views that a person has, with how many tickets each shows.

    Example: ledgerdesk views --as lina@demo.example
    """
    with seeing(workspace, who) as me:
        person, context = me.person, me.context
        kept = view_counts.counts(me.db, me.workspace, person, context, me.reach)
        found = [{"key": v.key, "title": v.title, "tickets": kept[v.key].tickets} for v in view_counts.BUILT_IN]
        for saved in saved_views.seen_by(me.db, me.workspace, person.id, person.teams):
            total = ticket_totals.total(me.db, me.workspace, ListQuery(parse(saved.condition), me.reach), context)
            found.append({"key": str(saved.view_id), "title": saved.title, "tickets": total.tickets})
        if as_json:
            typer.echo(json.dumps({"views": found}, ensure_ascii=False))
            return
        for each in found:
            typer.echo(f"{each['tickets']:>7}  {each['key']:<36}  {each['title']}")


def show(
    number: str = typer.Argument(..., help="The ticket's number."),
    workspace: str | None = WORKSPACE,
    as_json: bool = JSON,
) -> None:
    """Show a ticket as the log has it now: what it is, who has it, its messages, files, ties and approvals with their ids.

    Example: ledgerdesk show 1001
    """
    with ready() as settings, reading(settings) as cursor:
        story = told(cursor, keyring_of(settings), number, workspace)
        found = of_log(story, number)
    typer.echo(to_json(found.facts).decode() if as_json else "\n".join(found.lines))


@contextmanager
def seeing(slug: str | None, who: str | None) -> Iterator[Seeing]:
    """A read under row-level security in the name of the person, the requester, or the system."""
    with ready() as settings:
        with reading(settings) as cursor:
            workspace = chosen(slug, known_workspaces(cursor))
            desk = folded("workspace", stream(cursor, keyring_of(settings), workspace.id))
        try:
            with reader_pool(str(settings.database_url), size=1) as pool, bound(pool, workspace.id) as db:
                actor = Register(workspace.id, desk, lambda ask: ask(db)).actor(who) if who else SYSTEM
                _must_view(desk, actor)
                absorbed = _absorbed(settings, actor)
                yield Seeing(db, workspace.id, desk, actor, Names(desk, _requesters(db, workspace.id)), absorbed)
        except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
            raise ReadModelMissing() from None


def _must_view(desk: Catalogue, actor: Actor) -> None:
    if actor == SYSTEM:
        return
    grant = desk.grant(actor)
    if Permission.TICKET_VIEW not in grant.permissions:
        raise NotAllowed(permission=Permission.TICKET_VIEW, role=grant.role)


def _absorbed(settings: Settings, actor: Actor) -> frozenset[UUID]:
    """Records that were merged into the requester: their tickets are theirs too."""
    if actor.kind != "requester":
        return frozenset()
    with reading(settings) as cursor:
        requester: Requester = folded("requester", stream(cursor, keyring_of(settings), UUID(actor.id)))
    return requester.absorbed


def _requesters(db: Cursor[Any], workspace: UUID) -> Callable[[UUID], str]:
    statement = "SELECT name FROM desk.requester_cards WHERE workspace_id = %s AND requester_id = %s"

    def name(requester: UUID) -> str:
        row = db.execute(statement, [workspace, requester]).fetchone()
        return row[0] if row and row[0] else f"requester {requester}"

    return name


def _condition(where: str | None) -> Condition:
    if where is None:
        return ALWAYS
    try:
        return parse(json.loads(where))
    except (ValueError, RecursionError):
        raise InvalidInput(field="--where", reason="is not JSON; mind the quotes of your shell") from None


def _view(me: Seeing, key: str) -> tuple[Condition, str]:
    """The condition and the sort of a view."""
    if (built_in := view_counts.named(key)) is not None:
        person = me.person if key in _OF_A_PERSON or me.actor.kind == "person" else _NOBODY
        return built_in.condition(person, me.context), built_in.sort
    person = me.person
    for saved in saved_views.seen_by(me.db, me.workspace, person.id, person.teams):
        if key in (str(saved.view_id), saved.title):
            return parse(saved.condition), saved.sort
    raise UnknownView(view=f"«{key}»")


def counted(total: ticket_totals.Total) -> str:
    """A number of tickets for people."""
    return f"more than {total.tickets}" if total.capped else str(total.tickets)

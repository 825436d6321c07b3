"""`ledgerdesk figures`: what the desk's tickets come to, as `GET /tags/usage`, `/people/loads` and the cards of customers and organisations say it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from pydantic_core import to_json

from cli.find import AS, JSON, Seeing, seeing
from cli.naming import Register
from cli.opening import WORKSPACE
from cli.showing import table
from cli.story import shown
from domain.errors import InvalidInput, NotAllowed
from domain.permissions import Permission
from projections import agent_load, organisation_card, requester_card, requesters, tag_usage, ticket_pages
from projections.requester_card import RequesterFigures
from projections.ticket_pages import ListQuery, Where

NEWEST = 10

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)


@app.callback()
def figures() -> None:
    """Tell what the desk's tickets come to.

    Example: ledgerdesk figures people
    """


@app.command()
def tags(workspace: str | None = WORKSPACE, who: str | None = AS, as_json: bool = JSON) -> None:
    """Tell how many tickets have each tag, the most used first.

    Example: ledgerdesk figures tags
    """
    with _counting(workspace, who, Permission.WORKSPACE_VIEW) as (me, reach):
        used = tag_usage.most_used(me.db, me.workspace, reach)
    if as_json:
        typer.echo(to_json({"tags": [each._asdict() for each in used]}).decode())
        return
    for each in used:
        typer.echo(f"{each.open:>7} open {each.tickets:>7} in all  {each.tag}")


@app.command()
def people(workspace: str | None = WORKSPACE, who: str | None = AS, as_json: bool = JSON) -> None:
    """Tell how many unfinished tickets each person has, by priority.

    Example: ledgerdesk figures people
    """
    with _counting(workspace, who, Permission.WORKSPACE_VIEW) as (me, reach):
        loads = agent_load.loads(me.db, me.workspace, reach)
        busiest = sorted(loads.items(), key=lambda item: -item[1].open)
        found = [(me.names.person(person), load) for person, load in busiest]
    if as_json:
        told = [{"person": name, "open": load.open, "by_priority": load.by_priority} for name, load in found]
        typer.echo(to_json({"people": told}).decode())
        return
    for name, load in found:
        by_priority = ", ".join(f"{count} {priority}" for priority, count in load.by_priority.items())
        typer.echo(f"{load.open:>7}  {name}: {by_priority}")


@app.command()
def customer(
    requester: str = typer.Argument(..., help="E-mail address, name or id."),
    workspace: str | None = WORKSPACE,
    who: str | None = AS,
    as_json: bool = JSON,
) -> None:
    """Tell a customer's figures and newest tickets, with those of records that were merged into theirs.

    Example: ledgerdesk figures customer wang@example.com
    """
    with _counting(workspace, who, Permission.REQUESTER_VIEW) as (me, reach):
        asked = Register(me.workspace, me.desk, lambda ask: ask(me.db)).find("requester", "requester", requester)
        records = requesters.same_as(me.db, me.workspace, asked)
        if not records:
            raise InvalidInput(field="requester", reason="is no requester here")
        card = requester_card.figures(me.db, me.workspace, records, reach)
        theirs = requester_card.newest(records, me.reach, NEWEST)
        typer.echo(_card(me, card, theirs, {"records": records}, as_json=as_json))


@app.command()
def organisation(
    name: str = typer.Argument(..., metavar="ORGANISATION", help="Name or id."),
    workspace: str | None = WORKSPACE,
    who: str | None = AS,
    as_json: bool = JSON,
) -> None:
    """Tell the figures and newest tickets of an organisation's customers, with those of organisations that were merged into it.

    Example: ledgerdesk figures organisation "Example Ltd"
    """
    with _counting(workspace, who, Permission.REQUESTER_VIEW) as (me, reach):
        asked = Register(me.workspace, me.desk, lambda ask: ask(me.db)).find("organisation", "organisation", name)
        records = me.desk.organisations.records(asked)
        found = organisation_card.figures(me.db, me.workspace, records, reach)
        theirs = organisation_card.newest(asked, me.reach, NEWEST)
        about = {"records": records, "customers": found.customers}
        typer.echo(_card(me, found.of_tickets, theirs, about, as_json=as_json))


def _card(me: Seeing, card: RequesterFigures, newest: ListQuery, about: dict[str, Any], *, as_json: bool) -> str:
    rows = ticket_pages.page(me.db, me.workspace, newest, me.context).rows
    if as_json:
        return to_json({**about, **card._asdict(), "newest": rows}).decode()
    rating = "none" if card.rating is None else f"{card.rating:.1f}"
    told = f"{card.open} open, {card.tickets} in all, newest {shown(card.last_opened_at)}, stars {rating}"
    customers = f", customers {about['customers']}" if "customers" in about else ""
    return "\n".join([told + customers, *table(rows, me.names)])


@contextmanager
def _counting(slug: str | None, who: str | None, needed: Permission) -> Iterator[tuple[Seeing, Where | None]]:
    """A read in somebody's name who may count, and the tickets in their reach where it is not all of them."""
    with seeing(slug, who) as me:
        if me.actor.kind != "system" and needed not in (grant := me.desk.grant(me.actor)).permissions:
            raise NotAllowed(permission=needed, role=grant.role)
        yield me, None if me.reach is None else ticket_pages.within(me.workspace, me.reach, me.context)

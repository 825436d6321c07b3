"""Views (B8): the built-in ones and those that people saved, each with how many tickets it shows."""

from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import Query, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.errors import NotCaughtUp, ReadModelMissing
from api.following import reached
from api.problems import problems
from api.ticket_lists import ChosenRows, TicketRow, answer, context, counted, prepared, reading
from domain.conditions import Condition, InvalidCondition, parse
from domain.errors import CommandIdReused, InvalidInput, UnknownTeam, VersionConflict
from domain.permissions import Permission
from domain.saved_view import RemoveView, SaveView, Sharing, UnknownView, View
from domain.values import Key, Line
from projections import freshness, saved_views, view_counts
from projections.conditions import ComparesWithBefore, OnlyInRules, compiled
from projections.saved_views import SavedView
from projections.ticket_board import Grouping
from projections.ticket_pages import LARGEST_PAGE, ListQuery, SortTooWide
from projections.ticket_sorts import parse_sort

router = routing.router("views")

_REFUSED = problems(UnknownView, UnknownTeam, InvalidInput, InvalidCondition, VersionConflict, CommandIdReused)
_CHANGES: dict[str, Any] = {"response_model": Changed, "openapi_extra": CHANGES, "responses": documented() | _REFUSED}
_READ = problems(NotCaughtUp, ReadModelMissing, InvalidInput)


class ViewShown(BaseModel):
    """A view and its count."""

    key: str = Field(description="Its id, or the key of a built-in one; tickets are at /views/{key}/tickets.")
    title: str | None
    built_in: bool
    condition: dict[str, Any] | None
    columns: list[str]
    sort: str
    group_by: str | None
    sharing: Sharing | None = Field(description="Null for built-in ones.")
    team: UUID | None
    owner: UUID | None
    total: int | None
    total_is_capped: bool


class ViewList(BaseModel):
    """Views that the caller sees."""

    views: list[ViewShown]


class ViewBody(BaseModel):
    """What a view shows, and to whom."""

    model_config = ConfigDict(extra="forbid")

    title: Line
    condition: Condition = Field(examples=[{"all": [{"field": "assignee_person", "op": "is", "value": {"me": True}}]}])
    columns: list[Key] = Field(default=[], max_length=60)
    sort: str = Field(default="-updated_at", max_length=200)
    group_by: Grouping | None = None
    sharing: Sharing = Sharing.PRIVATE
    team: UUID | None = None

    def command(self, me: Caller, view: UUID) -> SaveView:
        """The command, once what it names is known to be there."""
        parse_sort(self.sort)
        # What a list cannot ask is refused now, not each time that somebody opens the view.
        compiled(self.condition, context(me))
        if unknown := [name for name in self.columns if name not in TicketRow.model_fields]:
            raise InvalidInput(field="columns", reason=f"{unknown[0]!r} is none of {', '.join(TicketRow.model_fields)}")
        return SaveView(**me.context(), view_id=view, **dict(self) | {"columns": tuple(self.columns)})


@router.get(
    "/views",
    response_model=ViewList,
    responses=_READ,
    dependencies=[reached("saved_views"), reached("ticket_list")],
)
def list_views(
    me: Caller = needs(Permission.WORKSPACE_VIEW),
    with_counts: Annotated[
        bool, Query(description="Say how many tickets each shows, to those who may view tickets.")
    ] = True,
) -> Response:
    """The built-in views and the saved ones that the caller sees, with how many tickets each shows now."""
    asked, person = context(me), me.desk.people[me.id]
    with_counts = with_counts and Permission.TICKET_VIEW in me.permissions
    with reading(me) as db:
        position = freshness.position_of(db, "ticket_list")
        saved = saved_views.seen_by(db, me.workspace_id, person.id, person.teams)
        kept = view_counts.counts(db, me.workspace_id, person, asked, me.reach) if with_counts else {}
        conditions = {view.view_id: _condition(view) for view in saved if with_counts}
        totals = view_counts.of_saved(db, me.workspace_id, conditions, person, asked, me.reach)
    views = [_built_in(me, view) | counted(kept.get(view.key)) for view in view_counts.BUILT_IN]
    views += [_saved(view) | counted(totals.get(view.view_id)) for view in saved]
    return prepared(to_json({"views": views}), position)


@router.get(
    "/views/{key}/tickets",
    response_model=ChosenRows,
    responses=problems(
        UnknownView, SortTooWide, ComparesWithBefore, OnlyInRules, NotCaughtUp, ReadModelMissing, InvalidInput
    ),
    dependencies=[reached("ticket_list"), reached("saved_views")],
)
def read_view(
    key: str,
    me: Caller = needs(Permission.WORKSPACE_VIEW),
    sort: Annotated[str | None, Query(max_length=200, description="Another sort than the view's.")] = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
    after: Annotated[str | None, Query(max_length=2000, description="The cursor `next` of the page before.")] = None,
    total: Annotated[bool, Query(description="Count all that match.")] = False,
) -> Response:
    """A page of the tickets that the view shows the caller. Needs `ticket.view` too."""
    me.require(Permission.TICKET_VIEW)
    condition, usual, columns = _found(me, key)
    query = ListQuery(condition, me.reach, sort=sort or usual, limit=limit, after=after)
    return answer(me, query, total=total, columns=columns or None)


@router.post("/views", status_code=201, **_CHANGES | {"responses": documented(201) | _REFUSED})
async def save_new_view(body: ViewBody, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> Response:
    """Save a view. One for everybody, or for a team that is not yours, needs `saved_view.share` too."""
    command = body.command(me, uuid4())
    # The id follows from the key of a request that may come again.
    command = command.model_copy(update={"view_id": command.command_id})
    receipt = await me.execute(command)
    return changed(receipt, status=201, location=f"/api/v1/views/{command.view_id}/tickets")


@router.put("/views/{view_id}", **_CHANGES)
async def change_view(view_id: UUID, body: ViewBody, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> Response:
    """Change a view. One for everybody, of somebody else or for a team that is not yours needs `saved_view.share` too."""
    view = (await me.services.desk.state(me.workspace_id, "view", view_id)).state
    # No stream begins under an id that is sent: it may be that of a ticket to come, also of another workspace.
    if not isinstance(view, View) or view.saved is None:
        raise UnknownView(view=view_id)
    return changed(await me.execute(body.command(me, view_id)))


@router.delete("/views/{view_id}", **_CHANGES)
async def remove_view(view_id: UUID, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> Response:
    """Take a view away; that of somebody else needs `saved_view.share` too."""
    return changed(await me.execute(RemoveView(**me.context(), view_id=view_id)))


def _found(me: Caller, key: str) -> tuple[Condition, str, list[str]]:
    """The condition, sort and columns of a view; UnknownView where the caller sees none of that key."""
    person = me.desk.people[me.id]
    if (built_in := view_counts.named(key)) is not None:
        return built_in.condition(person, context(me)), built_in.sort, []
    try:
        view_id = UUID(key)
    except ValueError:
        raise UnknownView(view=key[:60]) from None
    with reading(me) as db:
        saved = saved_views.one(db, me.workspace_id, view_id, person.id, person.teams)
    if saved is None:
        raise UnknownView(view=view_id)
    return _condition(saved), saved.sort, saved.columns


def _condition(view: SavedView) -> Condition:
    return parse(view.condition)


def _built_in(me: Caller, view: view_counts.BuiltIn) -> dict[str, Any]:
    condition = view.condition(me.desk.people[me.id], context(me))
    nobody = dict.fromkeys(("group_by", "sharing", "team", "owner"))
    told = {"key": view.key, "title": view.title, "built_in": True, "condition": condition.model_dump(mode="json")}
    return told | {"columns": [], "sort": view.sort} | nobody


def _saved(view: SavedView) -> dict[str, Any]:
    told = view._asdict()
    return told | {"key": str(told.pop("view_id")), "built_in": False}

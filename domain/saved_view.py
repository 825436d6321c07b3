"""Saved views (B8): a condition over tickets with columns and a sort; one's own, a team's, or everybody's.

Conditions may quote what a customer wrote: they and the title are content under the view's own key.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field

from domain.catalogue import Catalogue
from domain.command import Command, Decision, decides, evolves
from domain.conditions import Condition
from domain.errors import InvalidInput, Refusal
from domain.event import Content, Event
from domain.granting import must_be_allowed
from domain.permissions import Permission
from domain.values import Key, Line


class Sharing(StrEnum):
    """Who sees a view."""

    PRIVATE = "private"
    TEAM = "team"
    SHARED = "shared"


class UnknownView(Refusal):
    """No view of that id is the caller's to see."""

    code = "unknown_view"
    status = 404
    sentence = "No view {view} that you can see. List yours at /api/v1/views."


class ViewSaved(Event, name="view.saved", version=1, creates=True):
    """A view was made or changed; all of it as it is now."""

    title: Content[str]
    condition: Content[dict[str, Any]]
    columns: tuple[str, ...] = ()
    sort: str
    group_by: str | None = None
    sharing: Sharing
    team: UUID | None = None
    owner: UUID


class ViewRemoved(Event, name="view.removed", version=1):
    """Nobody sees the view any more."""


@dataclass(frozen=True, slots=True)
class View:
    """The state that decisions need; `saved` is the newest form, None where there is none or it was removed."""

    saved: ViewSaved | None = None
    removed: bool = False


class ViewCommand(Command):
    """A command on a view's own stream."""

    AGGREGATE = "view"
    view_id: UUID

    @property
    def stream_id(self) -> UUID:
        """The view's."""
        return self.view_id


class SaveView(ViewCommand):
    """Make a view, or change one."""

    title: Line
    condition: Condition
    columns: tuple[Key, ...] = Field(default=(), max_length=60)
    sort: str = Field(default="-updated_at", max_length=200)
    group_by: Key | None = None
    sharing: Sharing = Sharing.PRIVATE
    team: UUID | None = None


class RemoveView(ViewCommand):
    """Take a view away."""


def sees(person: UUID, view: ViewSaved, teams: frozenset[UUID]) -> bool:
    """Whether the view is one of the person's: their own, one of their team's, or everybody's."""
    return view.sharing is Sharing.SHARED or view.owner == person or view.team in teams


@decides(SaveView, needs=Permission.WORKSPACE_VIEW)
def save(command: SaveView, view: View, desk: Catalogue) -> Decision:
    """No change, no event; whose view it is does not change."""
    _must_be_theirs(command, view, desk)
    if (command.sharing is Sharing.TEAM) != (command.team is not None):
        raise InvalidInput(field="team", reason="belongs to a view that is shared with a team, and to no other")
    if command.team is not None:
        desk.team(command.team)
    _must_share(command, desk, command.sharing, command.team)
    wanted = ViewSaved(
        title=command.title,
        condition=command.condition.model_dump(mode="json"),
        columns=command.columns,
        sort=command.sort,
        group_by=command.group_by,
        sharing=command.sharing,
        team=command.team,
        owner=view.saved.owner if view.saved else desk.acting(command.by).id,
    )
    return [] if wanted == view.saved else [wanted]


@decides(RemoveView, needs=Permission.WORKSPACE_VIEW)
def remove(command: RemoveView, view: View, desk: Catalogue) -> Decision:
    """One's own, or for those who share views also a shared one."""
    _must_be_a_view(command, view)
    if view.removed:
        return []
    if view.saved is None:
        raise UnknownView(view=command.view_id)
    _must_be_theirs(command, view, desk)
    return [ViewRemoved()]


def _must_be_a_view(command: ViewCommand, state: object) -> None:
    # The id may be that of a ticket or of the workspace itself.
    if not isinstance(state, View):
        raise UnknownView(view=command.view_id)


def _must_be_theirs(command: ViewCommand, view: View, desk: Catalogue) -> None:
    _must_be_a_view(command, view)
    if view.removed:
        raise UnknownView(view=command.view_id)
    if view.saved is None:
        return
    person = desk.acting(command.by)
    if view.saved.owner == person.id:
        return
    if not sees(person.id, view.saved, person.teams):
        raise UnknownView(view=command.view_id)
    _must_share(command, desk, Sharing.SHARED)


def _must_share(command: ViewCommand, desk: Catalogue, sharing: Sharing, team: UUID | None = None) -> None:
    """Everybody's lists are for those who may share; one's own team's are for its members too."""
    if sharing is Sharing.PRIVATE or (sharing is Sharing.TEAM and team in desk.acting(command.by).teams):
        return
    must_be_allowed(command, Permission.SAVED_VIEW_SHARE, desk)


@evolves(ViewSaved)
def _(_: View, event: ViewSaved) -> View:
    return View(saved=event)


@evolves(ViewRemoved)
def _(view: View, _: ViewRemoved) -> View:
    return replace(view, removed=True)

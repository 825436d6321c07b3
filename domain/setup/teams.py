"""Teams and who leads them (B6)."""

from dataclasses import replace
from uuid import UUID

from pydantic import Field

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.event import Event
from domain.permissions import Permission
from domain.setup.uses import must_get_no_tickets
from domain.values import Line
from domain.workspace import AlreadyThere, WorkspaceCommand


class TeamRenamed(Event, name="workspace.team_renamed", version=1):
    """People call the team something else."""

    team_id: UUID
    title: str
    previous: str


class TeamLeadsSet(Event, name="workspace.team_leads_set", version=1):
    """Others lead the team."""

    team_id: UUID
    leads: tuple[UUID, ...]
    previous: tuple[UUID, ...]


class TeamRetired(Event, name="workspace.team_retired", version=1):
    """The team keeps its tickets and is given no new ones."""

    team_id: UUID


class TeamRestored(Event, name="workspace.team_restored", version=1):
    """The team takes tickets again."""

    team_id: UUID


class TeamCommand(WorkspaceCommand):
    """Something about a team."""

    team_id: UUID


class RenameTeam(TeamCommand):
    """Call the team something else."""

    title: Line


class SetTeamLeads(TeamCommand):
    """Say who leads the team; they are members of it."""

    leads: tuple[UUID, ...] = Field(max_length=50)


class RetireTeam(TeamCommand):
    """Give the team no further tickets."""


class RestoreTeam(TeamCommand):
    """Give the team tickets again."""


@decides(RenameTeam, needs=Permission.WORKSPACE_EDIT)
def rename_team(command: RenameTeam, desk: Catalogue, _: Catalogue) -> Decision:
    """Two teams of one name would confuse everybody."""
    team = desk.team(command.team_id)
    if team.name == command.title:
        return []
    if any(other.name == command.title for other in desk.teams.values()):
        raise AlreadyThere(what="Team", key=command.title)
    return [TeamRenamed(team_id=team.id, title=command.title, previous=team.name)]


@decides(SetTeamLeads, needs=Permission.WORKSPACE_EDIT)
def set_leads(command: SetTeamLeads, desk: Catalogue, _: Catalogue) -> Decision:
    """A lead is one of the team."""
    team = desk.team(command.team_id)
    for lead in command.leads:
        desk.member(lead, team.id)
    leads = tuple(dict.fromkeys(command.leads))
    if frozenset(leads) == team.leads:
        return []
    return [TeamLeadsSet(team_id=team.id, leads=leads, previous=tuple(sorted(team.leads)))]


@decides(RetireTeam, needs=Permission.WORKSPACE_EDIT)
def retire_team(command: RetireTeam, desk: Catalogue, _: Catalogue) -> Decision:
    """First it is taken out where tickets are given to it. Who may handle what stays: that gives nobody a ticket."""
    team = desk.team(command.team_id)
    if not team.active:
        return []
    must_get_no_tickets(desk, team)
    return [TeamRetired(team_id=team.id)]


@decides(RestoreTeam, needs=Permission.WORKSPACE_EDIT)
def restore_team(command: RestoreTeam, desk: Catalogue, _: Catalogue) -> Decision:
    """No change, no event."""
    return [] if desk.team(command.team_id).active else [TeamRestored(team_id=command.team_id)]


@evolves(TeamRenamed)
def _(desk: Catalogue, event: TeamRenamed) -> Catalogue:
    return desk.with_team(replace(desk.teams[event.team_id], name=event.title))


@evolves(TeamLeadsSet)
def _(desk: Catalogue, event: TeamLeadsSet) -> Catalogue:
    return desk.with_team(replace(desk.teams[event.team_id], leads=frozenset(event.leads)))


@evolves(TeamRetired)
def _(desk: Catalogue, event: TeamRetired) -> Catalogue:
    return desk.with_team(replace(desk.teams[event.team_id], active=False))


@evolves(TeamRestored)
def _(desk: Catalogue, event: TeamRestored) -> Catalogue:
    return desk.with_team(replace(desk.teams[event.team_id], active=True))

"""A workspace: one company's desk, and what it sets up. Its folded state is the catalogue."""

from collections import Counter
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.catalogue import Catalogue, Status
from domain.command import Command, Decision, decides, evolves
from domain.errors import Refusal
from domain.event import Content, Event
from domain.granting import grantable
from domain.permissions import Permission, RoleName
from domain.staff import Person, Team
from domain.values import CategoryPath, Key, Line, StatusKind


class WorkspaceExists(Refusal):
    """A workspace is created once."""

    code = "workspace_exists"
    sentence = "There is already a workspace «{slug}». Choose another name."


class UnknownWorkspace(Refusal):
    """Nothing was ever created under that id."""

    code = "unknown_workspace"
    status = 404
    sentence = "No such workspace."


class AlreadyThere(Refusal):
    """A team, person, status or category of that key exists with other values."""

    code = "already_there"
    sentence = "{what} «{key}» is already there. Choose another."


class EmailTaken(Refusal):
    """An e-mail address signs in one person; the sentence does not repeat it."""

    code = "email_taken"
    sentence = "Person {person} of this desk already has that e-mail address. Use another, or deactivate that person."


class LastAdmin(Refusal):
    """A desk without an admin could never have one again."""

    code = "last_admin"
    sentence = "This is the last active admin of the desk. Make somebody else an admin first."


class ReasonedEvent(Event):
    """A change of what the desk goes by, with why it was made and what it should bring about (B11)."""

    why: str | None = None
    expected: str | None = None


class WorkspaceCreated(Event, name="workspace.created", version=1, creates=True):
    """A company got a desk of its own."""

    slug: str
    title: str


class StatusAdded(Event, name="workspace.status_added", version=1):
    """Tickets may be in a further status."""

    key: str
    title: str
    kind: StatusKind


class TeamAdded(Event, name="workspace.team_added", version=1):
    """Tickets may be given to a further team."""

    team_id: UUID
    title: str


class CategoryAdded(Event, name="workspace.category_added", version=1):
    """Tickets may be filed under a further leaf or branch of the category tree."""

    path: tuple[str, ...]


class PersonAdded(Event, name="workspace.person_added", version=2, creates=True):
    """Somebody works on the desk from now on. Name and address are protected by the person's own key."""

    person_id: UUID
    person_name: Content[str]
    email: Content[str | None] = None
    role: str
    teams: tuple[UUID, ...] = ()

    def subject(self, _: UUID, /) -> UUID:
        """The person."""
        return self.person_id


class RoleChanged(ReasonedEvent, name="workspace.role_changed", version=2):
    """A person may do other things from now on."""

    person_id: UUID
    role: str
    previous: str


class TeamsChanged(Event, name="workspace.teams_changed", version=1):
    """A person works in other teams from now on."""

    person_id: UUID
    teams: tuple[UUID, ...]
    previous: tuple[UUID, ...]


class PersonDeactivated(Event, name="workspace.person_deactivated", version=1):
    """A person no longer works on the desk; what they did stays."""

    person_id: UUID


Branch = Annotated[CategoryPath, Field(min_length=1, max_length=10)]


class WorkspaceCommand(Command):
    """A command on the workspace's own stream."""

    AGGREGATE = "workspace"


class ReasonedCommand(WorkspaceCommand):
    """A command that changes what the desk goes by (B11)."""

    why: Line | None = None
    expected: Line | None = None

    @property
    def reasons(self) -> dict[str, Any]:
        """The reasons as the event keeps them."""
        return {"why": self.why, "expected": self.expected}


class CreateWorkspace(WorkspaceCommand):
    """Open a desk for a company, with the default life cycle."""

    slug: Key
    title: Line


class AddStatus(WorkspaceCommand):
    """Name a further status."""

    key: Key
    title: Line
    kind: StatusKind


class AddTeam(WorkspaceCommand):
    """Set up a team."""

    team_id: UUID
    title: Line


class AddCategory(WorkspaceCommand):
    """Add a path to the category tree."""

    path: Branch


class AddPerson(WorkspaceCommand):
    """Take somebody onto the desk."""

    person_id: UUID
    person_name: Line
    email: Line | None = None
    role: Key
    teams: tuple[UUID, ...] = ()


class NewPerson(BaseModel):
    """Somebody to take onto the desk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person_id: UUID
    person_name: Line
    role: Key = RoleName.AGENT


class ExtendCatalogue(WorkspaceCommand):
    """Set up at once whatever of this is not there yet; what is there stays as it is."""

    statuses: tuple[tuple[Key, Line, StatusKind], ...] = ()
    teams: tuple[tuple[UUID, Line], ...] = ()
    people: tuple[NewPerson, ...] = ()
    categories: tuple[Branch, ...] = ()


class ChangeRole(ReasonedCommand):
    """Give a person another role."""

    person_id: UUID
    role: Key


class ChangeTeams(WorkspaceCommand):
    """Put a person into these teams and no others."""

    person_id: UUID
    teams: tuple[UUID, ...]


class DeactivatePerson(WorkspaceCommand):
    """End a person's access."""

    person_id: UUID


DEFAULT_STATUSES = (
    ("new", "New", StatusKind.NEW),
    ("open", "Open", StatusKind.OPEN),
    ("pending", "Waiting for customer", StatusKind.PENDING),
    ("resolved", "Resolved", StatusKind.RESOLVED),
    ("confirmed", "Confirmed", StatusKind.CONFIRMED),
    ("rated", "Rated", StatusKind.RATED),
    ("closed", "Closed", StatusKind.CLOSED),
)


@decides(CreateWorkspace, needs=Permission.WORKSPACE_EDIT)
def create(command: CreateWorkspace, desk: Catalogue, _: Catalogue) -> Decision:
    """A workspace begins with the default life cycle."""
    if desk.slug:
        raise WorkspaceExists(slug=command.slug)
    statuses = [StatusAdded(key=key, title=title, kind=kind) for key, title, kind in DEFAULT_STATUSES]
    return [WorkspaceCreated(slug=command.slug, title=command.title), *statuses]


@decides(AddStatus, needs=Permission.WORKSPACE_EDIT)
def add_status(command: AddStatus, desk: Catalogue, _: Catalogue) -> Decision:
    """The same status again changes nothing."""
    known = desk.statuses.get(command.key)
    if known is None:
        return [StatusAdded(key=command.key, title=command.title, kind=command.kind)]
    if (known.name, known.kind) != (command.title, command.kind):
        raise AlreadyThere(what="Status", key=command.key)
    return []


@decides(AddTeam, needs=Permission.WORKSPACE_EDIT)
def add_team(command: AddTeam, desk: Catalogue, _: Catalogue) -> Decision:
    """The same team again changes nothing; two teams of one name would confuse everybody."""
    known = desk.teams.get(command.team_id)
    if known is not None and known.name == command.title:
        return []
    if known is not None or any(team.name == command.title for team in desk.teams.values()):
        raise AlreadyThere(what="Team", key=command.title)
    return [TeamAdded(team_id=command.team_id, title=command.title)]


@decides(AddCategory, needs=Permission.WORKSPACE_EDIT)
def add_category(command: AddCategory, desk: Catalogue, _: Catalogue) -> Decision:
    """Branches above the path come with it."""
    branches = [command.path[: depth + 1] for depth in range(len(command.path))]
    return [CategoryAdded(path=branch) for branch in branches if branch not in desk.categories]


def _new_teams(command: ExtendCatalogue, desk: Catalogue) -> Decision:
    new = {team: title for team, title in command.teams if team not in desk.teams}
    bearers = Counter([*(team.name for team in desk.teams.values()), *new.values()])
    for title in new.values():
        if bearers[title] > 1:
            raise AlreadyThere(what="Team", key=title)
    return [TeamAdded(team_id=team, title=title) for team, title in new.items()]


@decides(AddPerson, needs=Permission.ACCESS_EDIT)
def add_person(command: AddPerson, desk: Catalogue, _: Catalogue) -> Decision:
    """A person is added once; an address signs in one person."""
    for team in command.teams:
        desk.active_team(team)
    grantable(command, desk.staff_role(command.role), desk)
    if command.person_id in desk.people:
        raise AlreadyThere(what="Person", key=str(command.person_id))
    if command.email and (taken_by := desk.person_with_email(command.email)):
        raise EmailTaken(person=taken_by.id)
    return [
        PersonAdded(
            person_id=command.person_id,
            person_name=command.person_name,
            email=command.email,
            role=command.role,
            teams=tuple(dict.fromkeys(command.teams)),
        )
    ]


@decides(ExtendCatalogue, needs=Permission.WORKSPACE_EDIT)
def extend(command: ExtendCatalogue, desk: Catalogue, _: Catalogue) -> Decision:
    """In the order in which things may rely on each other."""
    branches = {path[: depth + 1]: None for path in command.categories for depth in range(len(path))}
    people = {person.person_id: person for person in command.people}
    statuses = {status[0]: status for status in command.statuses}
    return [
        *(StatusAdded(key=key, title=t, kind=kind) for key, t, kind in statuses.values() if key not in desk.statuses),
        *_new_teams(command, desk),
        *(CategoryAdded(path=branch) for branch in branches if branch not in desk.categories),
        *(_taken_on(command, person, desk) for key, person in people.items() if key not in desk.people),
    ]


def _taken_on(command: ExtendCatalogue, person: NewPerson, desk: Catalogue) -> PersonAdded:
    grantable(command, desk.staff_role(person.role), desk)
    return PersonAdded(**dict(person))


@decides(ChangeRole, needs=Permission.ACCESS_EDIT)
def change_role(command: ChangeRole, desk: Catalogue, _: Catalogue) -> Decision:
    """No change, no event."""
    person = desk.person(command.person_id)
    if person.role == command.role:
        return []
    grantable(command, desk.staff_role(command.role), desk)
    # Nor may anybody take away what they could not give.
    grantable(command, desk.role(person.role), desk)
    _must_leave_an_admin(person, desk)
    return [RoleChanged(person_id=person.id, role=command.role, previous=person.role, **command.reasons)]


def _must_leave_an_admin(person: Person, desk: Catalogue) -> None:
    if {p.id for p in desk.people.values() if p.active and p.role == RoleName.ADMIN} == {person.id}:
        raise LastAdmin()


@decides(ChangeTeams, needs=Permission.WORKSPACE_EDIT)
def change_teams(command: ChangeTeams, desk: Catalogue, _: Catalogue) -> Decision:
    """The order of teams does not matter."""
    person = desk.person(command.person_id)
    for team in frozenset(command.teams) - person.teams:
        desk.active_team(team)
    teams = tuple(dict.fromkeys(command.teams))
    if person.teams == frozenset(teams):
        return []
    return [TeamsChanged(person_id=person.id, teams=teams, previous=tuple(sorted(person.teams)))]


@decides(DeactivatePerson, needs=Permission.ACCESS_EDIT)
def deactivate(command: DeactivatePerson, desk: Catalogue, _: Catalogue) -> Decision:
    """Only an active person can be deactivated, and never the last admin."""
    person = desk.person(command.person_id)
    grantable(command, desk.role(person.role), desk)
    _must_leave_an_admin(person, desk)
    return [PersonDeactivated(person_id=person.id)]


@evolves(WorkspaceCreated)
def _(desk: Catalogue, event: WorkspaceCreated) -> Catalogue:
    return replace(desk, slug=event.slug, name=event.title)


@evolves(StatusAdded)
def _(desk: Catalogue, event: StatusAdded) -> Catalogue:
    return replace(desk, statuses={**desk.statuses, event.key: Status(event.key, event.title, event.kind)})


@evolves(TeamAdded)
def _(desk: Catalogue, event: TeamAdded) -> Catalogue:
    return replace(desk, teams={**desk.teams, event.team_id: Team(event.team_id, event.title)})


@evolves(CategoryAdded)
def _(desk: Catalogue, event: CategoryAdded) -> Catalogue:
    return replace(desk, categories=desk.categories | {event.path})


@evolves(PersonAdded)
def _(desk: Catalogue, event: PersonAdded) -> Catalogue:
    person = Person(event.person_id, event.person_name, event.email, event.role, frozenset(event.teams))
    return desk.with_person(person)


@evolves(RoleChanged)
def _(desk: Catalogue, event: RoleChanged) -> Catalogue:
    return desk.with_person(replace(desk.people[event.person_id], role=event.role))


@evolves(TeamsChanged)
def _(desk: Catalogue, event: TeamsChanged) -> Catalogue:
    return desk.with_person(replace(desk.people[event.person_id], teams=frozenset(event.teams)))


@evolves(PersonDeactivated)
def _(desk: Catalogue, event: PersonDeactivated) -> Catalogue:
    return desk.with_person(replace(desk.people[event.person_id], active=False))

"""The demo desk's last week as commands: who would have done what, and when."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from cli.demo.furniture import NETWORK_ROLE, context, furnishing, role
from cli.demo.stories import BLANKS, DESK, HARDWARE, NETWORK, PLACES, REQUESTERS, STORIES, TEAMS, Story
from domain.event import SYSTEM, Actor
from domain.ids import person_id, requester_id, team_id, workspace_id
from domain.organisation import AddOrganisation
from domain.permissions import RoleName
from domain.requester import RegisterRequester
from domain.ticket import commands as c
from domain.values import Assignee, Priority
from domain.workspace import AddCategory, AddPerson, AddTeam, CreateWorkspace, WorkspaceCommand

SLUG = "demo"
WORKSPACE = workspace_id(SLUG)
TICKETS = 182
FIRST_NUMBER = 1001
DAYS = 7
# The desk was set up a little before its first ticket came.
SET_UP_BEFORE = timedelta(days=DAYS + 1)
SEED = 20160229
COMPLETE = uuid5(WORKSPACE, "demo complete")
# Tickets an hour of the day, as on the desk whose log we know: mornings and early afternoons.
HOURS = (1, 1, 1, 1, 1, 2, 4, 8, 14, 16, 15, 12, 8, 11, 14, 13, 11, 8, 5, 3, 2, 2, 1, 1)
WEEKEND = 0.2
WAITING = 0.35
# Name, domain of their addresses, tier, plan.
ORGANISATIONS = (
    ("华东零售集团", "retail.example", "gold", "premium"),
    ("Alpine Logistics", "logistics.example", "silver", "standard"),
    ("Nordlicht Studio", "studio.example", "bronze", "standard"),
)
# Requesters who can sign in, by the login.
SIGN_INS = {"liuyang": REQUESTERS[0], "anna": REQUESTERS[8]}


@dataclass(frozen=True)
class Colleague:
    """Somebody of the demo desk; the login is also the first part of the address."""

    login: str
    name: str
    role: str
    teams: tuple[str, ...] = ()

    @property
    def id(self) -> UUID:
        """Their person id."""
        return person_id(WORKSPACE, self.login)


COLLEAGUES = (
    Colleague("lina", "李娜", RoleName.AGENT, TEAMS[:2]),
    Colleague("wangwei", "王伟", RoleName.AGENT, TEAMS[1:4]),
    Colleague("tom", "Tom Becker", RoleName.AGENT, (DESK, *TEAMS[3:])),
    Colleague("sofia", "Sofia Rossi", RoleName.AGENT, TEAMS[2:]),
    Colleague("chenjing", "陈静", RoleName.LEAD, TEAMS),
    Colleague("maria", "Maria López", RoleName.ADMIN),
    Colleague("zhaomin", "赵敏", RoleName.AUDITOR),
    Colleague("james", "James Carter", RoleName.ANALYST),
    Colleague("kim", "Kim Min-seo", NETWORK_ROLE, (NETWORK,)),
)
# Those who do all kinds of work.
WORKERS = tuple(colleague for colleague in COLLEAGUES if colleague.teams and colleague.role != NETWORK_ROLE)


def setting_up(at: datetime) -> list[WorkspaceCommand]:
    """The desk's people, teams and categories, in the order in which they need each other."""
    common: dict[str, Any] = {"workspace_id": WORKSPACE, "by": SYSTEM, "at": at, "channel": "cli"}

    def named(name: str) -> dict[str, Any]:
        return common | {"command_id": uuid5(WORKSPACE, f"demo {name}")}

    people = [
        AddPerson(
            **named(person.login),
            person_id=person.id,
            person_name=person.name,
            email=f"{person.login}@demo.example",
            role=person.role,
            teams=tuple(team_id(WORKSPACE, team) for team in person.teams),
        )
        for person in COLLEAGUES
    ]
    return [
        CreateWorkspace(**named("workspace"), slug=SLUG, title="Demo 演示"),
        *(AddTeam(**named(team), team_id=team_id(WORKSPACE, team), title=team) for team in TEAMS),
        role(at),
        *people,
        *(AddCategory(**named(" ".join(path)), path=path) for path in sorted({story.category for story in STORIES})),
        *furnishing(at),
    ]


def completing(at: datetime) -> WorkspaceCommand:
    """The last command of all: a desk that has it needs nothing more."""
    return AddCategory(workspace_id=WORKSPACE, by=SYSTEM, at=at, command_id=COMPLETE, channel="cli", path=("其他",))


def organisations(at: datetime) -> list[AddOrganisation]:
    """Where customers belong."""
    return [
        AddOrganisation(
            **context(at, f"organisation {name}"),
            organisation_id=organisation_id(name),
            organisation_name=name,
            domains=(domain,),
            tier=tier,
            plan=plan,
        )
        for name, domain, tier, plan in ORGANISATIONS
    ]


def organisation_id(name: str) -> UUID:
    """The id of an organisation of the demo desk."""
    return uuid5(WORKSPACE, f"organisation:{name}")


def customers(at: datetime) -> list[RegisterRequester]:
    """Those for whom the tickets are."""
    return [
        RegisterRequester(
            workspace_id=WORKSPACE,
            by=SYSTEM,
            at=at,
            command_id=uuid5(WORKSPACE, f"demo requester {name}"),
            channel="cli",
            requester_id=requester_id(WORKSPACE, name),
            requester_name=name,
            email=f"customer{place}@example.com",
            organisation_id=organisation_id(ORGANISATIONS[place % len(ORGANISATIONS)][0]),
            tags=("vip",) if place % 5 == 1 else (),
        )
        for place, name in enumerate(REQUESTERS, 1)
    ]


def tickets(now: datetime) -> Iterator[list[c.TicketCommand]]:
    """The commands of each ticket, oldest ticket first, none of them later than now. The same for the same now."""
    chance = random.Random(SEED)  # noqa: S311 - a demo, not a secret
    for place, opened in enumerate(arrivals(chance, now, TICKETS, DAYS)):
        yield Life(chance, now, str(FIRST_NUMBER + place), opened).commands()


def arrivals(chance: random.Random, now: datetime, count: int, days: int) -> list[datetime]:
    """When that many tickets came in the days before now, oldest first: by the hour of the day, few at weekends."""
    hours = [now - timedelta(hours=ago) for ago in range(1, days * 24 + 1)]
    weights = [HOURS[hour.hour] * (WEEKEND if hour.weekday() > 4 else 1) for hour in hours]
    return sorted(hour + timedelta(seconds=chance.randrange(3600)) for hour in chance.choices(hours, weights, k=count))


@dataclass
class Life:
    """One ticket's way through the desk, as far as it has come by now."""

    chance: random.Random
    now: datetime
    number: str
    at: datetime
    steps: list[c.TicketCommand] = field(default_factory=list)

    def commands(self) -> list[c.TicketCommand]:
        """From the opening to where it stands now."""
        chance, story = self.chance, self.chance.choice(STORIES)
        agents = [worker for worker in WORKERS if story.team in worker.teams]
        agent, customer = chance.choice(agents), chance.choice(REQUESTERS)
        blanks = {name: chance.choice(words) for name, words in (*BLANKS.items(), ("place", PLACES[story.language]))}
        asker = Actor(kind="requester", id=str(requester_id(WORKSPACE, customer)))
        self._open(story, customer, asker, blanks)
        self._take(agent, story.team)
        if chance.random() < 0.15:
            self._pass_on(agent, story)
        if chance.random() < 0.35:
            self._do(c.NoteOnTicket, agent, body=story.note.format(**blanks))
        if chance.random() < 0.45:
            self._ask(agent, asker, story, blanks)
        self._finish(agent, asker, story, blanks)
        # Some wait for a part, a customer or a colleague, wherever they stand.
        waits = chance.randint(1, len(self.steps)) if chance.random() < WAITING else None
        return [step for step in self.steps[:waits] if step.at <= self.now]

    def _open(self, story: Story, customer: str, asker: Actor, blanks: dict[str, str]) -> None:
        chance = self.chance
        told: dict[str, Any] = {
            "title": chance.choice(story.titles).format(**blanks),
            "description": story.description.format(**blanks),
            "priority": chance.choices(list(Priority), (2, 7, 2, 1))[0],
            "category": story.category,
            "tags": tuple(tag for tag in story.tags if chance.random() < 0.7),
            "requester_id": requester_id(WORKSPACE, customer),
            "assignee": Assignee(team=team_id(WORKSPACE, story.team)),
            **self._form(story, blanks),
        }
        if chance.random() < 0.3:
            self._do(c.OpenTicket, chance.choice(WORKERS), minutes=0, channel="phone", **told)
        else:
            self._do(c.OpenTicket, None, minutes=0, channel="email", on_behalf_of=asker, **told)

    def _form(self, story: Story, blanks: dict[str, str]) -> dict[str, Any]:
        # By chances of its own: the rest of the week stays what it is, whatever forms ask for.
        chance = random.Random(self.number)  # noqa: S311 - a demo, not a secret
        if story.category == ("应用", "权限"):
            systems = chance.sample(["sap", "crm", "wiki", "hr"], k=chance.randint(1, 2))
            return {"type": "request", "fields": {"systems": systems, "seats": chance.randint(1, 30)}}
        fields = {"impact": chance.choices(["one", "team", "company"], (7, 3, 1))[0]}
        if fields["impact"] == "company":
            fields["outage_since"] = (self.at - timedelta(minutes=chance.randint(5, 90))).isoformat()
        return {"type": "incident", "fields": fields | ({"device": blanks["device"]} if story.team == HARDWARE else {})}

    def _take(self, agent: Colleague, team: str) -> None:
        self._do(c.AssignTicket, agent, minutes=50, to=Assignee(team=team_id(WORKSPACE, team), person=agent.id))
        self._do(c.MoveTicket, agent, minutes=2, status="open")

    def _pass_on(self, agent: Colleague, story: Story) -> None:
        self._do(c.AssignTicket, agent, minutes=40, to=Assignee(team=team_id(WORKSPACE, DESK)))
        back = Assignee(team=team_id(WORKSPACE, story.team), person=agent.id)
        self._do(c.AssignTicket, WORKERS[-1], minutes=90, to=back)
        self._do(c.ChangePriority, WORKERS[-1], minutes=2, priority=Priority.HIGH)

    def _ask(self, agent: Colleague, asker: Actor, story: Story, blanks: dict[str, str]) -> None:
        self._do(c.ReplyToTicket, agent, minutes=20, body=story.question.format(**blanks))
        self._do(c.MoveTicket, agent, minutes=1, status="pending")
        body = story.answer.format(**blanks)
        self._do(c.ReplyToTicket, None, minutes=150, channel="email", on_behalf_of=asker, body=body)
        self._do(c.MoveTicket, agent, minutes=15, status="open")

    def _finish(self, agent: Colleague, asker: Actor, story: Story, blanks: dict[str, str]) -> None:
        solution = story.solution.format(**blanks)
        self._do(c.ReplyToTicket, agent, minutes=240, body=solution)
        self._do(c.ResolveTicket, agent, minutes=1)
        if self.chance.random() < 0.08:
            self._do(c.ReopenTicket, None, minutes=400, channel="email", on_behalf_of=asker)
            self._do(c.ReplyToTicket, agent, minutes=60, body=solution)
            self._do(c.ResolveTicket, agent, minutes=2)
        self._do(c.CloseTicket, None, minutes=2400)

    def _do(
        self, command: Callable[..., c.TicketCommand], by: Colleague | None, *, minutes: float = 30, **wants: Any
    ) -> None:
        """The next step, on average that many minutes after the last."""
        self.at += timedelta(seconds=round(self.chance.expovariate(1) * minutes * 60))
        context = {
            "workspace_id": WORKSPACE,
            "by": Actor(kind="person", id=str(by.id)) if by else SYSTEM,
            "at": self.at,
            "command_id": uuid5(WORKSPACE, f"demo {self.number} {len(self.steps)}"),
            "channel": "web",
            "number": self.number,
        }
        self.steps.append(command(**context | wants))

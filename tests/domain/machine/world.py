"""The people and the desk that the machine plays with: as commands for our desk, and as the model has them."""

from typing import Any
from uuid import UUID, uuid5

from domain import workspace as w
from domain.classification import CategoryDefinition
from domain.command import Command
from domain.event import SYSTEM, Actor
from domain.ids import workspace_id
from domain.permissions import PERMISSIONS, Permission, RoleName
from domain.requester import RegisterRequester
from domain.setup.classification import SetCategory
from domain.setup.roles import SetRole
from domain.values import StatusKind
from tests.domain.kit import NOON, STAFF_ROLES
from tests.domain.machine.model import Desk, Who

WORKSPACE = workspace_id("acme")


def id_of(name: str) -> UUID:
    """The id that a name has here."""
    return uuid5(WORKSPACE, name)


BILLING, NETWORK = id_of("Billing"), id_of("Network")
# One person of every role, named for it, and some whom more can be said of.
PEOPLE: dict[str, tuple[str, set[UUID]]] = {
    **{role.value: (role.value, set()) for role in STAFF_ROLES},
    "ann": ("agent", {BILLING}),
    "ned": ("agent", {NETWORK, BILLING}),
    "scout": ("hardware", set()),
    "left": ("admin", {BILLING}),
}
LEFT = id_of("left")
RITA, SAM = (Who("requester", id_of(name)) for name in ("rita", "sam"))
STAFF = {name: Who("person", id_of(name)) for name in PEOPLE}
OWN_STATUSES = {"waiting_vendor": "pending", "solved_by_phone": "resolved", "rejected": "closed"}
HARDWARE, PRINTER, VAULT = ("Hardware",), ("Hardware", "Printer"), ("Vault",)
SCOUTS = PERMISSIONS[RoleName.AGENT] | {Permission.TICKET_ARCHIVE}
KEEPERS = (id_of("ann"), id_of("lead"))


def actor(who: Who) -> Actor:
    """As our commands name them."""
    return SYSTEM if who.kind == "system" else Actor(kind=who.kind, id=str(who.id))


def set_up() -> list[Command]:
    """What opens the desk."""
    asked: list[tuple[type[Command], dict[str, Any]]] = [
        (w.CreateWorkspace, {"slug": "acme", "title": "Acme"}),
        *((w.AddStatus, {"key": key, "title": key, "kind": StatusKind(kind)}) for key, kind in OWN_STATUSES.items()),
        *((w.AddTeam, {"team_id": id_of(name), "title": name}) for name in ("Billing", "Network")),
        (w.AddCategory, {"path": HARDWARE}),
        (w.AddCategory, {"path": PRINTER}),
        (SetRole, {"key": "hardware", "title": "Scout", "permissions": tuple(SCOUTS)} | _SCOPE),
        *(
            (w.AddPerson, {"person_id": id_of(name), "person_name": name, "role": role, "teams": tuple(teams)})
            for name, (role, teams) in PEOPLE.items()
        ),
        (w.DeactivatePerson, {"person_id": LEFT}),
        (SetCategory, {"definition": CategoryDefinition(path=VAULT, people=KEEPERS)}),
        *((RegisterRequester, {"requester_id": who.id, "requester_name": "R"}) for who in (RITA, SAM)),
    ]
    context = {"workspace_id": WORKSPACE, "by": SYSTEM, "at": NOON}
    return [
        kind(**context, **fields, command_id=uuid5(WORKSPACE, f"set up {place}"))
        for place, (kind, fields) in enumerate(asked)
    ]


_SCOPE = {"types": ("incident",), "categories": (HARDWARE,)}


def model() -> Desk:
    """The same in plain words."""
    default = {key: kind.value for key, _, kind in w.DEFAULT_STATUSES}
    roles = {role.value: (frozenset(map(str, may)), set[str](), set()) for role, may in PERMISSIONS.items()}
    return Desk(
        people={
            id_of(name): {"role": role, "teams": teams, "active": name != "left"}
            for name, (role, teams) in PEOPLE.items()
        },
        roles={**roles, "hardware": (frozenset(map(str, SCOUTS)), {"incident"}, {HARDWARE})},
        teams={BILLING, NETWORK},
        statuses={**default, **OWN_STATUSES},
        categories={HARDWARE, PRINTER, VAULT},
        handlers={VAULT: set(KEEPERS)},
    )

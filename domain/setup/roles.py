"""A workspace's own roles beside the built-in ones (B7)."""

from dataclasses import replace

from pydantic import Field

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.errors import Refusal
from domain.granting import grantable
from domain.permissions import Permission
from domain.staff import BUILT_IN, Role, Scope
from domain.values import CategoryPath, Key, Line
from domain.workspace import ReasonedCommand, ReasonedEvent


class BuiltInRole(Refusal):
    """The built-in roles are the same in every workspace."""

    code = "built_in_role"
    sentence = "The role «{role}» is built in and cannot be changed. Make a role of your own."


class RoleInUse(Refusal):
    """Somebody works in that role."""

    code = "role_in_use"
    sentence = "People still have the role «{role}»: {people}. Give them another role first."


class RoleSet(ReasonedEvent, name="workspace.role_set", version=1):
    """A role of the workspace's own is as this says; without types and categories it reaches every ticket."""

    key: str
    title: str
    permissions: tuple[str, ...]
    types: tuple[str, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()


class RoleRetired(ReasonedEvent, name="workspace.role_retired", version=1):
    """Nobody is given the role any more."""

    key: str


class SetRole(ReasonedCommand):
    """Make a role, or change it; a retired one is in use again."""

    key: Key
    title: Line
    permissions: tuple[Permission, ...] = Field(max_length=len(Permission))
    types: tuple[Key, ...] = Field(default=(), max_length=200)
    categories: tuple[CategoryPath, ...] = Field(default=(), max_length=100)


class RetireRole(ReasonedCommand):
    """Give the role to nobody any more."""

    key: Key


@decides(SetRole, needs=Permission.ACCESS_EDIT)
def set_role(command: SetRole, desk: Catalogue, _: Catalogue) -> Decision:
    """Nobody makes a role wider than their own, nor narrows one that is."""
    if command.key in BUILT_IN:
        raise BuiltInRole(role=command.key)
    scope = Scope(frozenset(command.types), frozenset(command.categories))
    wanted = grantable(command, Role(command.key, command.title, frozenset(command.permissions), scope), desk)
    known = desk.roles.get(command.key)
    if known == wanted:
        return []
    if known is not None:
        grantable(command, known, desk)
    return [
        RoleSet(
            key=wanted.key,
            title=wanted.name,
            permissions=tuple(sorted(wanted.permissions)),
            types=tuple(sorted(scope.types)),
            categories=tuple(sorted(scope.categories)),
            **command.reasons,
        )
    ]


@decides(RetireRole, needs=Permission.ACCESS_EDIT)
def retire(command: RetireRole, desk: Catalogue, _: Catalogue) -> Decision:
    """Only once nobody has it."""
    if command.key in BUILT_IN:
        raise BuiltInRole(role=command.key)
    role = desk.role(command.key)
    if not role.active:
        return []
    if bearers := [str(person.id) for person in desk.people.values() if person.active and person.role == role.key]:
        raise RoleInUse(role=role.key, people=", ".join(sorted(bearers)[:5]))
    return [RoleRetired(key=role.key, **command.reasons)]


@evolves(RoleSet)
def _(desk: Catalogue, event: RoleSet) -> Catalogue:
    # A permission that a later release no longer knows allows nothing.
    allowed = frozenset(permission for permission in Permission if permission in event.permissions)
    role = Role(event.key, event.title, allowed, Scope(frozenset(event.types), frozenset(event.categories)))
    return replace(desk, roles={**desk.roles, event.key: role})


@evolves(RoleRetired)
def _(desk: Catalogue, event: RoleRetired) -> Catalogue:
    return replace(desk, roles={**desk.roles, event.key: replace(desk.roles[event.key], active=False)})

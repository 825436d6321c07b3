"""Nobody gives what they do not have: the rule behind every change of somebody's rights (B7)."""

from domain.catalogue import Catalogue
from domain.command import Command
from domain.staff import Grant, Role, RoleTooWide


def grantable(command: Command, role: Role, desk: Catalogue) -> Role:
    """The same role, or RoleTooWide where whoever acts does not have all that it gives. The system has everything."""
    if command.by.kind != "system":
        _check_width(desk.grant(command.by), role)
    return role


def _check_width(own: Grant, role: Role) -> None:
    if missing := role.permissions - own.permissions:
        raise RoleTooWide(role=role.key, missing=", ".join(sorted(missing)))
    if not role.scope.within(own.scope):
        raise RoleTooWide(role=role.key, missing="tickets out of your reach")

"""What whoever commands may do, within what their credential allows; and nobody gives what they do not have (B7)."""

from domain.catalogue import Catalogue
from domain.command import Command
from domain.errors import NotAllowed, ScopeMissing
from domain.permissions import OF_REQUESTERS_ALONE, Permission, RoleName
from domain.staff import Grant, Role, RoleTooWide


def must_be_allowed(command: Command, needed: Permission, desk: Catalogue) -> None:
    """Raise NotAllowed or ScopeMissing unless it may be done. The desk itself is not asked."""
    if not command.by.trusted:
        granted(command, needed, desk)


def granted(command: Command, needed: Permission, desk: Catalogue) -> Grant:
    """All that whoever commands may do, or NotAllowed or ScopeMissing where that is not among it."""
    grant = desk.grant(command.by)
    if needed not in grant.permissions:
        raise NotAllowed(permission=needed, role=grant.role)
    if command.within is not None and needed not in command.within:
        raise ScopeMissing(permission=needed)
    return grant


def grantable(command: Command, role: Role, desk: Catalogue) -> Role:
    """The same role, or RoleTooWide where whoever acts does not have all that it gives. The system has everything."""
    if command.by.kind != "system":
        must_cover(desk.grant(command.by), role)
    return role


def must_cover(own: Grant, role: Role) -> None:
    """Raise RoleTooWide where the role allows more, or reaches further, than what one has oneself."""
    # What requesters alone may do, nobody of the desk has: it keeps nobody from letting a requester in.
    theirs = OF_REQUESTERS_ALONE if role.key == RoleName.REQUESTER else frozenset()
    if missing := role.permissions - own.permissions - theirs:
        raise RoleTooWide(role=role.key, missing=", ".join(sorted(missing)))
    must_reach_as_far(own, role)


def must_reach_as_far(own: Grant, role: Role) -> None:
    """Raise RoleTooWide where the role reaches tickets that one does not reach oneself."""
    if not role.scope.within(own.scope):
        raise RoleTooWide(role=role.key, missing="tickets out of your reach")

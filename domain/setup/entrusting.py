"""What the desk itself is to do from now on: nobody has it do what they may not, or where they do not reach (B7, D1)."""

from typing import Any

from domain.actions import Claim, OneAction
from domain.catalogue import Catalogue
from domain.command import CONTEXT_FIELDS, Command, decider
from domain.errors import InvalidInput, NotAllowed
from domain.event import Actor
from domain.granting import must_be_allowed
from domain.permissions import Permission
from domain.receivers import Receivers
from domain.receiving import known
from domain.ticket.decisions import known_category
from domain.values import Assignee
from domain.webhooks import webhook


def must_reach_everything(command: Command, desk: Catalogue, needed: Permission) -> None:
    """Raise NotAllowed where whoever sets up what concerns every ticket of the desk does not reach every ticket."""
    if not command.by.trusted and not (grant := desk.grant(command.by)).scope.everything:
        raise NotAllowed(permission=needed, role=f"{grant.role}, which does not reach every ticket,")


def must_be_able(command: Command, action: OneAction, desk: Catalogue) -> None:
    """Raise where whoever sets it up may not do that themselves, or what it names is not there."""
    context = {name: getattr(command, name) for name in CONTEXT_FIELDS} | {"by": _SOME_RULE, "number": "1"}
    if isinstance(action, Claim):
        raise InvalidInput(field="do", reason="only people claim a ticket; assign it")
    step = action.command(context)
    must_be_allowed(command, decider(step)[1], desk)
    for name, check in _NAMED.items():
        if (value := getattr(step, name, None)) is not None:
            check(desk, value)


def _workable(to: Assignee, desk: Catalogue) -> None:
    """Raise where who is to have the tickets is not here, or only watches."""
    desk.assignee(to)
    if (watching := desk.watching(to)) is not None:
        raise InvalidInput(
            field="to", reason=f"nobody works on tickets in the role {watching.role}; choose somebody else"
        )


_SOME_RULE = Actor(kind="rule", id="")
_NAMED: dict[str, Any] = {
    "status": Catalogue.usable_status,
    "to": lambda desk, to: known(to, desk) if isinstance(to, Receivers) else _workable(to, desk),
    "person_id": Catalogue.person,
    "category": lambda desk, path: known_category(path, desk),
    "type": lambda desk, key: desk.check_filing(key, ()),
    "webhook": webhook,
}

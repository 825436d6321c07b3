"""How the fields of older event versions become those of newer ones."""

from collections.abc import Callable
from typing import Any

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
UPCASTERS: dict[tuple[str, int], Upcaster] = {}


def upcasts(name: str, version: int) -> Callable[[Upcaster], Upcaster]:
    """Register how the fields of `name` at `version` become those of the version after it."""

    def register(function: Upcaster) -> Upcaster:
        UPCASTERS[name, version] = function
        return function

    return register


# Only what may be written became wider: an assignee may be several people or a role and have been picked for a reason,
# a role one of the desk's own, an automation may count business time, and a notification be of no ticket.
@upcasts("ticket.opened", 1)
@upcasts("ticket.assigned", 1)
@upcasts("ticket.assigned", 2)
@upcasts("workspace.person_added", 1)
@upcasts("workspace.role_changed", 1)
@upcasts("workspace.rule_set", 1)
@upcasts("workspace.webhook_set", 1)
@upcasts("notification.sent", 1)
def _as_it_was(fields: dict[str, Any]) -> dict[str, Any]:
    return fields

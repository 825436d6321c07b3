"""The aggregates by name, each with the state that a stream begins with; importing this registers all of them."""

from typing import Any

import domain.actions
import domain.exports
import domain.requester_ties
import domain.setup.calendars
import domain.setup.classification
import domain.setup.forms
import domain.setup.macros
import domain.setup.newer
import domain.setup.notifications
import domain.setup.organisations
import domain.setup.policies
import domain.setup.roles
import domain.setup.rules
import domain.setup.staff
import domain.setup.statuses
import domain.setup.streaming
import domain.setup.tags
import domain.setup.teams
import domain.setup.webhooks
import domain.setup.workflows
import domain.ticket.reporting  # noqa: F401 - registers their commands and events, as the others above do
from domain.access import allow
from domain.catalogue import Catalogue
from domain.command import Command, Decision, decider, evolve
from domain.inbox.notification import Notification
from domain.inbox.reading import Inbox
from domain.organisation import Organisation
from domain.requester import Requester
from domain.saved_view import View
from domain.ticket import Ticket
from domain.workspace import CreateWorkspace, UnknownWorkspace

INITIAL: dict[str, Any] = {
    "ticket": Ticket(),
    "requester": Requester(),
    "organisation": Organisation(),
    "workspace": Catalogue(),
    "view": View(),
    "notification": Notification(),
    "inbox": Inbox(),
}


def decide(command: Command, state: Any, desk: Catalogue) -> Decision:
    """The events that a command leads to. Pure; raises a Refusal. Only the system opens a workspace."""
    function, needed = decider(command)
    if not desk.slug and not isinstance(command, CreateWorkspace):
        raise UnknownWorkspace()
    allow(command, needed, state, desk)
    return function(command, state, desk)


__all__ = ["INITIAL", "decide", "evolve"]

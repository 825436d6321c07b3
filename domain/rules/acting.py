"""One rule acting on a ticket, tried out: what it would do, and what would have happened then."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid5

from domain.actions import Action, ActOnTicket, act
from domain.catalogue import Catalogue
from domain.errors import Refusal
from domain.event import Actor, Event, Metadata, Recorded
from domain.happening import Happening, Situation
from domain.requester import Requester
from domain.rules.assigning import Roster
from domain.rules.effects import Armed
from domain.rules.rule import Rule


class Trial(NamedTuple):
    """What came of trying: the actions with what happened by them, nothing where nothing is different, or a refusal."""

    actions: tuple[Action, ...] = ()
    happening: Happening | None = None
    refusal: Refusal | None = None


class Occasion(NamedTuple):
    """On which ticket a rule is tried, as it is now, when, and because of which event."""

    now: Situation
    desk: Catalogue
    requester: Requester | None
    at: datetime
    workspace: UUID
    correlation: UUID
    cause: UUID
    channel: str
    roster: Roster


def tried(rule: Rule, effects: Armed, occasion: Occasion) -> Trial:
    """Decide on the rule's effects as if it acted now. Nothing is recorded."""
    now = occasion.now
    try:
        actions = effects.actions(now, occasion.desk, occasion.requester, occasion.at, occasion.roster)
        if not actions:
            return Trial()
        command = ActOnTicket(
            workspace_id=occasion.workspace,
            number=now.ticket.number,
            actions=actions,
            at=occasion.at,
            command_id=uuid5(occasion.cause, rule.key),
            channel=occasion.channel,
            **signed(rule),
        )
        events = act(command, now.ticket, occasion.desk)
    except Refusal as refusal:
        return Trial(refusal=refusal)
    if not events:
        return Trial(actions)
    recorded = tuple(_recorded(event, place, command, occasion) for place, event in enumerate(events, 1))
    return Trial(actions, Happening(recorded, now, now.followed_by(recorded), occasion.desk, occasion.requester))


def signed(rule: Rule) -> dict[str, object]:
    """The part of a command's context that says which rule acts."""
    by = Actor(kind="rule", id=str(rule.rule_id))
    return {"by": by, "rule_id": rule.rule_id, "rule_version": rule.version}


def _recorded(event: Event, place: int, command: ActOnTicket, occasion: Occasion) -> Recorded[Event]:
    row = occasion.now.row
    envelope = Metadata(
        event_id=uuid5(command.command_id, str(place)),
        workspace_id=command.workspace_id,
        occurred_at=command.at,
        actor=command.by,
        channel=command.channel,
        correlation_id=occasion.correlation,
        command_id=command.command_id,
        causation_id=occasion.cause,
        rule_id=command.rule_id,
        rule_version=command.rule_version,
    )
    return Recorded(row.position + place, row.ticket_id, row.version + place, command.at, envelope, event)

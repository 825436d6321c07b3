"""Queues what webhooks are told (J4): one delivery for each webhook and event."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from uuid import UUID, uuid5

from domain.catalogue import Catalogue
from domain.conditions.evaluate import Check, evaluator
from domain.event import TOLD, Actor, Event, Recorded
from domain.happening import Happening
from domain.inbox.notification import SendNotification, Told, notification_id
from domain.inbox.preferences import Kind
from domain.permissions import Permission
from domain.rules.facts import context_of, facts_of
from domain.setup.webhooks import WebhookPaused, WebhookResumed, WebhookRetired, WebhookSet
from domain.ticket.calling import TicketWebhookCalled
from domain.webhooks import Because, Subscription, recipient, webhook_id
from processors.mail.queueing import mails
from processors.process import BeginAnew, Deliver, Do, Memory, Output, TicketProcess, because_of

CHANNEL = "webhook"


class _Listening(NamedTuple):
    """A webhook in use: which events it is told (all of them where none is named), and the condition."""

    webhook_id: UUID
    events: frozenset[str]
    holds: Check | None


class Webhooks(TicketProcess):
    """Each webhook is told what it subscribes to, and what a rule or a colleague has it told. Nothing of the past."""

    NAME = "webhooks"
    FROM_NOW = True
    PARTITIONED = True

    def react(self, happening: Happening, memory: Memory) -> Iterable[Output]:
        """What another system tells of its past is no news."""
        if happening.told:
            return
        for each in _listening(happening.desk):
            for recorded in _wanted(each, happening):
                yield _delivery(each.webhook_id, recorded, happening.after.row.ticket_id)

    def listens(self, desk: Catalogue) -> frozenset[str]:
        """What webhooks name."""
        names: frozenset[str] = desk.derived("webhooks listen to", lambda: _named(desk))
        return names

    def beside(self, recorded: Recorded[Event], desk: Catalogue) -> Iterable[Output]:
        """No condition goes with events of anything but tickets."""
        if recorded.metadata.channel == TOLD:
            return
        for each in _listening(desk):
            if recorded.event.NAME in each.events:
                yield _delivery(each.webhook_id, recorded)

    def set_up(self, recorded: Recorded[Event], desk: Catalogue) -> Iterable[Output]:
        """Admins are told of a webhook that nobody paused; one that rests or moves has its failures behind it."""
        yield from self.beside(recorded, desk)
        event = recorded.event
        if isinstance(event, WebhookPaused | WebhookResumed | WebhookRetired):
            yield BeginAnew(recipient(webhook_id(recorded.metadata.workspace_id, event.key)))
        if isinstance(event, WebhookSet) and event.moved:
            yield BeginAnew(recipient(event.webhook.webhook_id))
        if isinstance(event, WebhookPaused) and event.because is not Because.ASKED:
            sent = _notice(recorded, event.key, desk)
            yield Do(sent)
            yield from mails(sent, desk)


def _notice(recorded: Recorded[Event], key: str, desk: Catalogue) -> SendNotification:
    """Of no ticket: the last one that it failed at says nothing of why, and is not for everybody who sets the desk up."""
    kinds = (Kind.WEBHOOK_PAUSED,)
    workspace = recorded.metadata.workspace_id
    people = [each for each in desk.people.values() if each.active and _sets_up(each.role, desk)]
    ways = [(each.id, each.notifications.ways(kinds)) for each in people]
    return SendNotification(
        notification_id=notification_id(webhook_id(workspace, key), recorded.metadata.event_id),
        doer=Actor(kind="webhook", id=key),
        happened_at=recorded.metadata.occurred_at,
        told=tuple(Told(person_id=person, kinds=kinds, channels=channels) for person, channels in ways if channels),
        **because_of(recorded),
    )


def _sets_up(role: str, desk: Catalogue) -> bool:
    found = desk.role(role)
    return found.active and Permission.WORKSPACE_EDIT in found.permissions


def _listening(desk: Catalogue) -> list[_Listening]:
    made: list[_Listening] = desk.derived("webhooks", lambda: [_listens(each) for each in _in_use(desk)])
    return made


def _named(desk: Catalogue) -> frozenset[str]:
    return frozenset().union(*(each.events for each in _listening(desk)))


def _in_use(desk: Catalogue) -> Iterator[Subscription]:
    return (each for each in desk.webhooks.values() if not each.retired)


def _listens(subscription: Subscription) -> _Listening:
    webhook = subscription.webhook
    holds = evaluator(webhook.when) if webhook.when is not None else None
    return _Listening(webhook.webhook_id, frozenset(webhook.events), holds)


def _wanted(each: _Listening, happening: Happening) -> list[Recorded[Event]]:
    chosen = [
        recorded
        for recorded in happening.events
        if _called(recorded.event) is None and (not each.events or recorded.event.NAME in each.events)
    ]
    if chosen and each.holds is not None:
        facts = facts_of(happening)
        if not each.holds(facts, context_of(happening), facts.before):
            chosen = []
    called = [recorded for recorded in happening.events if _called(recorded.event) == each.webhook_id]
    return chosen + called


def _called(event: Event) -> UUID | None:
    """Which webhook a rule, a macro or a colleague calls by it: that one is told, and no other."""
    return event.webhook_id if isinstance(event, TicketWebhookCalled) else None


def _delivery(webhook: UUID, recorded: Recorded[Event], ticket: UUID | None = None) -> Deliver:
    detail = {"first": recorded.version, "last": recorded.version, "kinds": []}
    id_, subject = uuid5(recorded.metadata.event_id, recipient(webhook)), recorded.stream_id if ticket is None else None
    return Deliver(id_, CHANNEL, recipient(webhook), ticket, recorded.recorded_at, detail, subject=subject)

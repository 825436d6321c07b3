"""Who is told of a happening, and why (A13, A24, E5): everybody once, and never whoever did it."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from domain.access import reaches
from domain.event import Actor, Event
from domain.happening import Happening
from domain.inbox.notification import Told, in_order
from domain.inbox.preferences import Kind
from domain.receivers import Receivers
from domain.receiving import people_of
from domain.ticket import drafting, escalating, flowing, handling, marking, messages, promising, telling, ties
from domain.ticket import events as e
from domain.values import NOBODY

# What no follower needs to hear of: what others do to be told themselves, and what changes nothing that they see.
_UNTOLD = (
    marking.TicketFollowed,
    marking.TicketUnfollowed,
    drafting.TicketFormSaved,
    e.TicketUpdateTold,
    e.TicketErased,
)
# What is told of everything that happens: what rules make of one's own action is no news, unless it is meant for one by name.
_GENERAL = frozenset({Kind.FOLLOWED, Kind.STATUS_CHANGED, Kind.CUSTOMER_REPLIED, Kind.NEW_TICKET})
_HANDLER = Receivers(roles=("handler",))
Reason = tuple[UUID, Kind]


def told(happening: Happening, began: str | None = None) -> tuple[Told, ...]:
    """The people who are told, each with all reasons and the ways that they want to be told by.

    `began` is the person whose action it follows from, where rules made it of that.
    """
    if happening.told:
        return ()
    kinds: dict[UUID, set[Kind]] = defaultdict(set)
    for person, kind in _reasons(happening):
        kinds[person].add(kind)
    return tuple(_each(kinds, happening, began))


def _each(kinds: Mapping[UUID, set[Kind]], happening: Happening, began: str | None) -> Iterator[Told]:
    for person in sorted(kinds):
        why = kinds[person] - (_GENERAL if str(person) == began else _of_their_own(person, happening))
        if not why or not _may_see(person, happening):
            continue
        ways = happening.desk.people[person].notifications.ways(why)
        if ways:
            yield Told(person_id=person, kinds=in_order(why), channels=ways)


def _of_their_own(person: UUID, happening: Happening) -> frozenset[Kind]:
    """The reasons that are none for who did it."""
    did = Actor(kind="person", id=str(person))
    mine = did in (happening.metadata.actor, happening.metadata.on_behalf_of)
    return frozenset(Kind) if mine else frozenset()


def _may_see(person: UUID, happening: Happening) -> bool:
    if not happening.desk.works_here(person):
        return False
    actor = Actor(kind="person", id=str(person))
    return reaches(actor, happening.desk.grant(actor), happening.after.ticket, happening.desk)


def _reasons(happening: Happening) -> Iterator[Reason]:
    yield from _followers(happening)
    yield from _handed(happening)
    yield from _moved(happening)
    for recorded in happening.events:
        find = _REASONS.get(type(recorded.event))
        if find is not None:
            yield from find(recorded.event, happening)


def _followers(happening: Happening) -> Iterator[Reason]:
    """All of them, where something happened that concerns them; else those whom somebody made followers just now."""
    events = [recorded.event for recorded in happening.events]
    if any(event.CHANGES and not isinstance(event, _UNTOLD) for event in events):
        # Who came with a ticket that was merged into this one hears of that from the one that they followed.
        came = {person for event in events if isinstance(event, ties.TicketAbsorbed) for person in event.followers}
        people: Iterable[UUID] = happening.after.ticket.followers - came
    else:
        people = [event.person_id for event in events if isinstance(event, marking.TicketFollowed)]
    return ((person, Kind.FOLLOWED) for person in people)


def _handed(happening: Happening) -> Iterator[Reason]:
    """Who has the ticket now, or may take it."""
    before = happening.before.ticket.assignee if happening.before else NOBODY
    now = happening.after.ticket.assignee
    if now == before:
        return
    if now.person is not None and now.person != before.person:
        yield now.person, Kind.ASSIGNED
    if now.needs_claim:
        yield from ((person, Kind.NEW_TICKET) for person in _handlers(happening))


def _moved(happening: Happening) -> Iterator[Reason]:
    """Who has it hears that others moved it."""
    before, now = happening.before, happening.after.ticket
    if before is not None and before.ticket.status != now.status and now.assignee.person is not None:
        yield now.assignee.person, Kind.STATUS_CHANGED


def _handlers(happening: Happening) -> frozenset[UUID]:
    return _people(_HANDLER, happening)


def _people(receivers: Receivers, happening: Happening) -> frozenset[UUID]:
    ticket = happening.after.ticket
    return people_of(receivers, ticket.assignee, ticket.followers, happening.desk)


def _late(_: Event, happening: Happening) -> Iterable[Reason]:
    return ((person, Kind.OVERDUE) for person in _handlers(happening))


def _replied(_: Event, happening: Happening) -> Iterable[Reason]:
    if happening.metadata.actor.kind != "requester":
        return ()
    return ((person, Kind.CUSTOMER_REPLIED) for person in _handlers(happening))


def _urged(_: Event, happening: Happening) -> Iterable[Reason]:
    return ((person, Kind.URGED) for person in _handlers(happening))


def _named(kind: Kind) -> Callable[[Any, Happening], Iterable[Reason]]:
    """Whoever the event itself says."""
    return lambda event, happening: ((person, kind) for person in _people(event.to, happening))


def _answered(event: flowing.ApprovalGiven | flowing.ApprovalRefused, happening: Happening) -> Iterable[Reason]:
    """Who asked."""
    asked = [each for each in happening.after.ticket.flow.approvals if each.approval_id == event.approval_id]
    return ((UUID(each.asked_by.id), Kind.APPROVAL) for each in asked if each.asked_by.kind == "person")


_REASONS: Mapping[type[Event], Any] = {
    e.TicketReplied: _replied,
    messages.TicketRemarked: _replied,
    handling.TicketUrged: _urged,
    messages.TicketMentioned: lambda event, _: [(event.person_id, Kind.MENTIONED)],
    flowing.ApprovalRequested: lambda event, _: [(person, Kind.APPROVAL) for person in event.approvers],
    flowing.ApproverAdded: lambda event, _: [(event.person_id, Kind.APPROVAL)],
    flowing.ApprovalGiven: _answered,
    flowing.ApprovalRefused: _answered,
    telling.TicketNoticeGiven: _named(Kind.RULE),
    escalating.TicketEscalated: _named(Kind.ESCALATED),
    promising.TicketReminded: _named(Kind.REMINDER),
    promising.TicketBreached: _late,
}

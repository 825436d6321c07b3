"""Events as sentences: what a person did to a ticket, in plain words, with names instead of ids."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import singledispatch
from typing import Any
from uuid import UUID

from domain.catalogue import Catalogue, Status
from domain.event import ERASED, Actor, Content, Erased, Event, UnknownEvent
from domain.ticket import events as e
from domain.ticket.reporting import TicketRuleRefused, TicketRulesCut
from domain.values import Assignee, AssignmentReason
from projections.changes import Change, changes, written

Requesters = Callable[[UUID], str]


class Names:
    """What people call the people, teams, statuses and customers that events refer to by id."""

    def __init__(self, desk: Catalogue, requester: Requesters) -> None:
        self._desk, self.requester = desk, requester

    def actor(self, actor: Actor) -> str:
        """Who did it."""
        if actor.kind == "person":
            return self.person(UUID(actor.id))
        if actor.kind == "requester":
            return self.requester(UUID(actor.id))
        if actor.kind == "system":
            return "Somebody unknown" if actor.id == "unknown" else "The system"
        if actor.kind == "rule":
            return self.rule(UUID(actor.id))
        return f"{actor.kind.replace('_', ' ').capitalize()} {actor.id}"

    def rule(self, rule: UUID, version: int | None = None) -> str:
        """What people call a rule, as it is called now or was in that version."""
        found = self._desk.rule_of(rule, version)
        return f"Rule «{found.title}»" if found else f"Rule {rule}"

    def person(self, person: UUID) -> str:
        """A colleague's name."""
        found = self._desk.people.get(person)
        return str(found.name) if found else f"person {person}"

    def value(self, field: str, value: Any) -> str:
        """A value of a change as JSON has it, ids by their names where they have one."""
        if isinstance(value, list | tuple):
            return ", ".join(self.value(field, each) for each in value) or "nothing"
        if isinstance(value, dict):
            given = {name: each for name, each in value.items() if each not in (None, [], ())}
            return self.value(field, list(given.values())) if field == "assignee" else shown(given)
        if field == "status":
            return self.status(str(value))
        try:
            known = UUID(value)
        except (ValueError, AttributeError, TypeError):
            return shown(value)
        team = self._desk.teams.get(known)
        return team.name if team else self.person(known) if known in self._desk.people else str(known)

    def status(self, key: str) -> str:
        """What the workspace calls a status."""
        found = self._desk.statuses.get(key)
        return found.name if found else key

    def next_statuses(self, key: str) -> list[Status]:
        """The statuses that may follow."""
        found = self._desk.statuses.get(key)
        return self._desk.next_statuses(found) if found else []

    def assignee(self, to: Assignee) -> str:
        """A person, a team, or both; several of whom one must claim it."""
        several = [*map(self.person, to.people), *([f"role {to.role}"] if to.role else [])]
        who = self.person(to.person) if to.person else " or ".join(several)
        if to.team is None:
            return who or "nobody"
        team = self._desk.teams.get(to.team)
        team_name = team.name if team else f"team {to.team}"
        return f"{who} ({team_name})" if who else team_name


@singledispatch
def said(event: Event, names: Names) -> str:
    """What the event says, as the rest of a sentence that begins with who did it."""
    if isinstance(event, UnknownEvent):
        return f"did something that this version cannot describe ({event.unknown_name})"
    did = event.NAME.partition(".")[2].replace("_", " ")
    told = "".join(f", {_changed(each, names)}" for each in changes(event))
    text = written(event)
    if text is None or getattr(event, text.field) is None:
        return f"{did}{told}"
    return f"{did}{told}:{_indented(ERASED if text.after is None else text.after)}"


def _changed(change: Change, names: Names) -> str:
    before, after = (names.value(change.field, value) for value in (change.before, change.after))
    field = change.field.replace("_", " ")
    return f"{field} {after}" if change.before is None else f"{field} from {before} to {after}"


@said.register
def _(event: e.TicketOpened, names: Names) -> str:
    parts = [f"opened the ticket {quoted(event.title)} as {names.status(event.status)}, priority {event.priority}"]
    if event.category:
        parts.append(f"in {path(event.category)}")
    if event.requester_id:
        parts.append(f"for {names.requester(event.requester_id)}")
    if event.assignee.team or event.assignee.person:
        parts.append(f"assigned to {names.assignee(event.assignee)}")
    if event.tags:
        parts.append(f"tagged {', '.join(event.tags)}")
    text = ", ".join(parts)
    return f"{text}:{_indented(event.description)}" if event.description else text


@said.register
def _(event: e.TicketRetitled, _: Names) -> str:
    return f"changed the title from {quoted(event.previous)} to {quoted(event.title)}"


@said.register
def _(event: e.TicketDescribed, _: Names) -> str:
    return f"changed the description to:{_indented(event.description)}"


@said.register
def _(event: e.TicketFieldsSet, _: Names) -> str:
    if isinstance(event.fields, Erased):
        return "changed fields [erased]"
    before: Mapping[str, Any] = event.previous if isinstance(event.previous, dict) else {}
    return "changed " + "; ".join(
        f"{key} from {shown(before.get(key))} to {shown(value)}" for key, value in event.fields.items()
    )


@said.register
def _(event: e.TicketTyped, _: Names) -> str:
    return f"changed the type from {shown(event.previous)} to {shown(event.type)}"


@said.register
def _(event: e.TicketCategorised, _: Names) -> str:
    return f"moved it from category {path(event.previous)} to {path(event.category)}"


@said.register
def _(event: e.TicketDueSet, _: Names) -> str:
    return f"changed when it is due from {shown(event.previous)} to {shown(event.due_at)}"


@said.register
def _(event: e.TicketPrioritised, _: Names) -> str:
    return f"changed the priority from {event.previous} to {event.priority}"


@said.register
def _(event: e.TicketRequesterSet, names: Names) -> str:
    before, after = (names.requester(r) if r else "nobody" for r in (event.previous, event.requester_id))
    return f"changed whom it is for from {before} to {after}"


@said.register
def _(event: e.TicketAssigned, names: Names) -> str:
    told = f"reassigned it from {names.assignee(event.previous)} to {names.assignee(event.assignee)}"
    return told if event.reason is None else f"{told} ({_picked(event.reason)})"


_HOW = {"round_robin": "whose turn it was", "least_loaded": "who had least to do", "best_skill": "who knew most"}


def _picked(reason: AssignmentReason) -> str:
    """Why it was that person."""
    skilled = f", {reason.skill} at level {reason.level}" if reason.skill else ""
    return f"{_HOW.get(reason.how, reason.how)} of {reason.among}, with {reason.open} open{skilled}"


@said.register
def _(event: e.StatusEvent, names: Names) -> str:
    verb = _VERBS.get(type(event), "moved")
    return f"{verb} it, from {names.status(event.previous)} to {names.status(event.status)}"


_VERBS: dict[type[e.StatusEvent], str] = {
    e.TicketResolved: "resolved",
    e.TicketReopened: "reopened",
    e.TicketClosed: "closed",
}


@said.register
def _(event: e.TicketTagged, _: Names) -> str:
    return f"tagged it {event.tag}"


@said.register
def _(event: e.TicketUntagged, _: Names) -> str:
    return f"took the tag {event.tag} off"


@said.register
def _(event: e.TicketReplied, _: Names) -> str:
    return f"replied:{_indented(event.body)}"


@said.register
def _(event: e.TicketNoted, _: Names) -> str:
    return f"noted inside:{_indented(event.body)}"


@said.register
def _(event: TicketRulesCut, _: Names) -> str:
    why = "went round in circles" if event.because == "loop" else "led to each other too often"
    rules = ", ".join(map(quoted, event.keys))
    return f"stopped the chain of rules before {rules} acted again, for they {why}"


@said.register
def _(event: TicketRuleRefused, _: Names) -> str:
    which = f" to do {event.do}" if event.do else ""
    return f"was not able{which}: {event.because.replace('_', ' ')}"


@said.register
def _(_event: e.TicketUpdateTold, _: Names) -> str:
    return "updated it; nothing that is kept here changed"


@said.register
def _(event: e.TicketErasureRequested, _: Names) -> str:
    return f"asked to delete it for ever, because: {event.reason}"


@said.register
def _(_event: e.TicketErased, _: Names) -> str:
    return "destroyed its key: what was written on it is gone, this history stays"


def quoted(text: Content[str]) -> str:
    """A title as a sentence cites it."""
    return str(text) if isinstance(text, Erased) else f"«{text}»"


def path(category: tuple[str, ...]) -> str:
    """A place in the category tree."""
    return " / ".join(category) or "none"


def shown(value: Any) -> str:
    """A value in a sentence; times to the minute, UTC."""
    if value is None:
        return "nothing"
    if isinstance(value, dict) and value.keys() == {"amount", "currency"}:
        return f"{value['amount']} {value['currency']}"
    return minute(value) if isinstance(value, datetime) else str(value)


def minute(moment: datetime) -> str:
    """A time as people read it, UTC."""
    return f"{moment:%Y-%m-%d %H:%M}"


def _indented(text: Content[str]) -> str:
    return f" {text}" if isinstance(text, Erased) else "".join(f"\n      {line}" for line in text.splitlines())

"""What our desk knows of a ticket, in the words of the model: its state, its row in the lists, what requesters read."""

from functools import reduce
from typing import Any
from uuid import UUID

from domain.aggregates import INITIAL, evolve
from domain.catalogue import shown
from domain.event import Actor, Event, Recorded
from domain.ticket.folds import listed
from domain.ticket.row import Row
from domain.ticket.state import Ticket as State
from domain.values import Assignee
from projections.changes import changes
from projections.ticket_timeline import _row as timeline_row
from tests.domain.machine.model import FINISHED, Given, Ticket, Who
from tests.domain.machine.work import as_json

INTERNAL, SECRET = "INTERNAL", "SECRET"


def agree(state: State, events: list[Recorded[Event]], model: Ticket) -> None:
    """Everything that is said of the ticket is what the model says."""
    assert state == reduce(evolve, (recorded.event for recorded in events), INITIAL["ticket"]) or not events
    if not model["opened"]:
        assert (state.opened, _who(state.drafted_by), state.erased) == (False, model["draft_by"], model["erased"])
        return
    said = {name: value for name, value in model.items() if name not in ("draft_by", "form", "split_of")}
    different = _differences(spoken(state), said)
    assert not different, f"ours and the model's: {different}"
    _agrees(listed(events), model)
    for recorded in events:
        _must_be_fit(recorded)


def _differences(ours: dict[str, Any], models: dict[str, Any]) -> dict[str, Any]:
    return {name: (ours[name], models[name]) for name in models if ours[name] != models[name]}


def _who(actor: Actor | None) -> Who | None:
    return Who(actor.kind, UUID(actor.id)) if actor else None


def _given(to: Assignee) -> Given:
    return to.team, to.person, to.people, to.role


def spoken(state: State) -> Ticket:
    """Our state as the model would say it."""
    plain = ("number", "opened", "erased", "status", "rating", "type", "category", "due_at", "followers", "mentioned")
    counts = ("urges", "transfers", "returns", "reopenings", "replies", "notes")
    marks = ("archived", "pinned", "spam", "blocks", "snoozed", "snoozed_until")
    content = ("title", "description", "confidential")
    return {
        **{name: getattr(state, name) for name in plain + counts},
        **{name: getattr(state.marks, name) for name in marks},
        **{name: shown(getattr(state, name)) for name in content},
        "fields": None if state.erasing else as_json(shown(state.fields)),
        "kind": state.kind.value,
        "priority": state.priority.value,
        "tags": set(state.tags),
        "requester": state.requester_id,
        "assignee": _given(state.assignee),
        "previous": list(map(_given, state.previous_assignees)),
        "messages": {
            each.message_id: {"internal": each.internal, "redacted": each.redacted} for each in state.messages
        },
        "files": {
            each.attachment_id: {"message": each.message_id, "internal": each.internal} for each in state.attachments
        },
        **_ties(state),
    }


def _ties(state: State) -> Ticket:
    ties = state.ties
    return {
        "merged_into": ties.merged_into,
        "before": (ties.before[0], ties.before[1].value) if ties.before else None,
        "absorbed": {each.number: set(each.followers) for each in ties.absorbed},
        "split_from": ties.split_from,
        "withdrawn": ties.withdrawn,
        "splits": {each.message_id: each.number for each in ties.splits},
        "links": {(link.relation, link.number) for link in ties.links},
    }


def _agrees(row: Row, model: Ticket) -> None:
    if model["erased"]:
        assert row.erased
        return
    same = ("number", "title", "status", "kind", "priority", "type", "due_at", "rating", "pinned", "spam")
    counts = ("replies", "notes", "reopenings", "urges", "transfers", "returns")
    more = ("snoozed", "snoozed_until", "withdrawn")
    assert {name: getattr(row, name) for name in same + counts + more} == {
        name: model[name] for name in same + counts + more
    }
    assert (row.requester_id, tuple(row.category), set(row.tags)) == (
        model["requester"],
        model["category"],
        model["tags"],
    )
    assigned = (row.assignee_team, row.assignee_person, tuple(row.candidates), row.assignee_role)
    assert assigned == model["assignee"]
    assert row.merged_into == (None if model["withdrawn"] else model["merged_into"])
    assert as_json(row.fields or {}) == model["fields"]
    assert (set(row.followers), row.archived_at is not None) == (model["followers"], model["archived"])
    assert set(row.consulted) == model["mentioned"]
    assert len(row.followers) == len(set(row.followers))
    assert row.parent == next((other for relation, other in model["links"] if relation == "parent"), None)
    assert (row.closed_at is not None) == (model["kind"] == "closed")
    assert row.resolved_at is None or model["kind"] in FINISHED
    assert row.accepted_at is None or model["kind"] != "new"


def _must_be_fit(recorded: Recorded[Event]) -> None:
    """For those who read it: no history shows secrets, and no requester what is the desk's alone."""
    assert SECRET not in repr(changes(recorded.event))
    row = timeline_row(recorded)
    internal, body, changed = row[5], row[9], row[10]
    seen = (body, "" if recorded.event.NAME == "ticket.opened" else changed)
    assert internal or INTERNAL not in repr(seen), f"{recorded.event.NAME} tells requesters what is internal"

"""What an event changed, field by field, from → to, and what was written with it: for histories and timelines."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

from domain.catalogue import shown
from domain.event import Event
from domain.ticket import (
    confidential,
    drafting,
    escalating,
    flowing,
    handling,
    marking,
    messages,
    promising,
    reporting,
    settling,
    telling,
    ties,
    undoing,
)
from domain.ticket import events as e
from domain.ticket.written import SAID
from domain.values import Pinned

# What an opened ticket says of itself beside its content; empty values are left out.
_TELLING = ("status", "priority", "type", "category", "tags", "due_at", "requester_id", "assignee", "source")
_NOT_FIELDS = frozenset({"previous", "previous_kind", "kind"})
# What somebody wrote, by event: also what only a history shows.
_WRITTEN: dict[type[Event], str] = {
    **SAID,
    escalating.TicketEscalated: "reason",
    telling.TicketNoticeGiven: "text",
    flowing.TicketStepSubmitted: "note",
    flowing.ApprovalRequested: "note",
    flowing.ApprovalGiven: "note",
    flowing.ApprovalRefused: "reason",
}


# Content that no change tells of is left closed.
_UNTOLD = frozenset({drafting.TicketDrafted, drafting.TicketDraftSaved, ties.TicketSplitOff})


def tells_content(kind: type[Event]) -> bool:
    """Whether changes of that event have content in them."""
    return bool(kind.CONTENT - kind.SECRETS) and kind not in _UNTOLD


class Change(NamedTuple):
    """One field's change; `content` where the values are protected by the ticket's key."""

    field: str
    before: Any
    after: Any
    content: bool = False


def changes(event: Event) -> list[Change]:
    """The changes that an event made, values as JSON has them."""
    tell = _TOLD.get(type(event))
    return tell(event) if tell else list(_previous(event))


def written(event: Event) -> Change | None:
    """What somebody wrote with it, if anything; None as `after` once erased."""
    name = _WRITTEN.get(type(event))
    if name is None:
        return None
    text = shown(getattr(event, name))
    return None if text == "" else Change(name, None, text, content=True)


def message_of(event: Event) -> UUID | None:
    """The message that it is or belongs to, which a redaction hides."""
    if type(event) in _WRITTEN or isinstance(event, messages.TicketAttached):
        return getattr(event, "message_id", None)
    return None


def _previous(event: Event) -> Iterator[Change]:
    """Of an event that names what was before: its first field."""
    if "previous" not in type(event).model_fields:
        return
    values = event.model_dump(mode="json", include=set(type(event).model_fields) - set(_WRITTEN.values()))
    field = next(name for name in values if name not in _NOT_FIELDS)
    yield Change(field, values["previous"], values[field], content=field in event.CONTENT)


def _opened(event: e.TicketOpened) -> list[Change]:
    values = event.model_dump(mode="json")
    told = [Change(name, None, values[name]) for name in _TELLING if values[name]]
    opening = ("title", "description", "fields")
    return [*told, *(Change(name, None, values[name], content=True) for name in opening if values[name])]


def _fields_set(event: e.TicketFieldsSet) -> list[Change]:
    before, after = shown(event.previous), shown(event.fields)
    if before is None or after is None:
        return [Change("fields", None, None, content=True)]
    return [Change(f"fields.{name}", before.get(name), value, content=True) for name, value in after.items()]


def _moved(event: Any, field: str, before: Any, after: Any) -> list[Change]:
    return [Change(field, before, after), Change("status", event.previous, event.status)]


def _file(event: messages.TicketAttached) -> list[Change]:
    told = {"attachment_id": str(event.attachment_id), "media_type": event.media_type, "size": event.size}
    return [Change("attachments", None, told), Change("file_name", None, shown(event.file_name), content=True)]


def _form(event: flowing.TicketFormPinned) -> list[Change]:
    values = event.model_dump(mode="json")
    return [Change(name, None, values[name]) for name in ("template", "workflow") if values[name]]


def _saved(event: drafting.TicketFormSaved) -> list[Change]:
    return [Change(f"saved.{name}", None, value, content=True) for name, value in (shown(event.fields) or {}).items()]


def _undone(event: undoing.TicketUndone) -> list[Change]:
    content = (shown(event.content) or {}).items()
    restored = [Change(name, event.previous.get(name), value) for name, value in event.restored.items()]
    return [*restored, *(Change(name, None, value, content=True) for name, value in content)]


def _came(field: str, name: str) -> Callable[[Any], list[Change]]:
    return lambda event: [Change(field, None, _plain(getattr(event, name)))]


def _went(field: str, name: str) -> Callable[[Any], list[Change]]:
    return lambda event: [Change(field, _plain(getattr(event, name)), None)]


def _because(field: str, name: str) -> Callable[[Any], list[Change]]:
    return lambda event: [Change(field, None, _plain(getattr(event, name))), Change("reason", None, event.reason)]


def _flag(field: str, *, on: bool) -> Callable[[Any], list[Change]]:
    return lambda _: [Change(field, not on, on)]


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | None) else str(value)


def _pinned(version: Pinned | None) -> str | None:
    return f"{version.key} v{version.version}" if version else None


def _nothing(_: Event) -> list[Change]:
    return []


def _assigned(event: e.TicketAssigned) -> list[Change]:
    """With why the system picked that person, where it did."""
    reason = event.reason.model_dump(mode="json", exclude_none=True) if event.reason else None
    return [*_previous(event), *([Change("reason", None, reason)] if reason else [])]


_TOLD: dict[type[Event], Callable[[Any], list[Change]]] = {
    e.TicketOpened: _opened,
    e.TicketTagged: _came("tags", "tag"),
    e.TicketUntagged: _went("tags", "tag"),
    e.TicketAssigned: _assigned,
    e.TicketFieldsSet: _fields_set,
    e.TicketErasureRequested: _came("reason", "reason"),
    e.TicketUnarchived: _flag("archived", on=False),
    marking.TicketArchived: _flag("archived", on=True),
    marking.TicketPinned: _flag("pinned", on=True),
    marking.TicketUnpinned: _flag("pinned", on=False),
    marking.TicketMarkedSpam: _flag("spam", on=True),
    marking.TicketUnmarkedSpam: _flag("spam", on=False),
    marking.TicketWoken: _came("woken", "because"),
    marking.TicketFollowed: _came("followers", "person_id"),
    marking.TicketUnfollowed: _went("followers", "person_id"),
    messages.TicketAttached: _file,
    messages.TicketAttachmentRemoved: _because("removed_attachment", "attachment_id"),
    messages.TicketMentioned: _came("mentioned", "person_id"),
    messages.TicketMessageRedacted: _because("redacted_message", "message_id"),
    handling.TicketUrged: _came("urges", "count"),
    escalating.TicketEscalated: _came("level", "level"),
    promising.TicketPromised: lambda event: [Change("policy", _pinned(event.previous), _pinned(event.policy))],
    promising.TicketBreached: _came("late", "measure"),
    promising.TicketReminded: _came("reminded", "measure"),
    settling.TicketRated: lambda event: _moved(event, "rating", None, event.stars),
    ties.TicketMergedInto: lambda event: _moved(event, "merged_into", None, event.into),
    ties.TicketMergeUndone: lambda event: _moved(event, "merged_into", event.into, None),
    ties.TicketAbsorbed: _came("absorbed", "absorbed"),
    ties.TicketReleased: _went("absorbed", "released"),
    # What the message says stays with the message, where a redaction finds it.
    ties.TicketSplitOff: _came("splits", "into"),
    ties.TicketSplitUndone: _went("splits", "into"),
    ties.TicketSplitFrom: _came("split_from", "origin"),
    ties.TicketLinked: lambda event: [Change(f"links.{event.relation}", None, event.other)],
    ties.TicketUnlinked: lambda event: [Change(f"links.{event.relation}", event.other, None)],
    flowing.TicketFormPinned: _form,
    flowing.TicketStepSubmitted: lambda event: [Change("node", event.node, event.next)],
    flowing.ApprovalRequested: _came("approvers", "approvers"),
    flowing.ApproverAdded: _came("approvers", "person_id"),
    flowing.ApprovalGiven: _came("approved_by", "person_id"),
    flowing.ApprovalRefused: _came("refused_by", "person_id"),
    flowing.ApprovalWithdrawn: _came("withdrawn_approval", "approval_id"),
    drafting.TicketDrafted: _nothing,
    drafting.TicketDraftSaved: _nothing,
    drafting.TicketFormSaved: _saved,
    confidential.TicketConfidentialSet: _nothing,
    confidential.TicketConfidentialViewed: _nothing,
    undoing.TicketUndone: _undone,
    reporting.TicketRuleRefused: lambda event: [Change("rule", None, event.key), Change("reason", None, event.because)],
    reporting.TicketRulesCut: lambda event: [
        Change("rules", None, list(event.keys)),
        Change("reason", None, event.because),
    ],
}

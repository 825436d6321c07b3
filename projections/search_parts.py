"""What each event says that can be searched for: parts of a ticket's text, put there, replaced or taken away."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from domain.catalogue import shown
from domain.event import Event, Recorded
from domain.ticket import events as e
from domain.ticket import flowing, handling, messages, settling, undoing

TITLE = "title"


class Part(NamedTuple):
    """A text under its name; none takes it away. `internal` where requesters must not find it."""

    name: str
    text: str | None
    internal: bool = False
    message_id: UUID | None = None


def parts(recorded: Recorded[Event]) -> Iterator[Part]:
    """The parts that an event brings or takes. What was said along with an action is named for its place."""
    match event := recorded.event:
        case e.TicketOpened():
            yield Part("number", event.number)
            yield Part(TITLE, shown(event.title))
            yield Part("description", shown(event.description))
            yield from _fields(shown(event.fields) or {})
        case e.TicketRetitled():
            yield Part(TITLE, shown(event.title))
        case e.TicketDescribed():
            yield Part("description", shown(event.description))
        case e.TicketFieldsSet():
            yield from _fields(shown(event.fields) or {})
        case messages.TicketAttached():
            yield Part(f"file:{event.attachment_id}", shown(event.file_name), event.internal, event.message_id)
        case messages.TicketAttachmentRemoved():
            yield Part(f"file:{event.attachment_id}", None)
        case undoing.TicketUndone():
            yield from _undone(shown(event.content) or {})
        case _ if text := _said(event):
            message = getattr(event, "message_id", None)
            yield Part(f"said:{recorded.version}", text, _internal(event), message)


def _internal(event: Event) -> bool:
    if isinstance(event, handling.TicketUrged):
        return event.internal
    return not isinstance(event, e.TicketReplied | messages.TicketRemarked | settling.TicketRated)


def _said(event: Event) -> str | None:
    match event:
        case e.TicketReplied() | e.TicketNoted() | messages.TicketRemarked() | handling.TicketUrged():
            text = shown(event.body)
        case settling.TicketRated():
            text = shown(event.comment)
        case handling.TicketReturned() | flowing.ApprovalRefused():
            text = shown(event.reason)
        case handling.TicketTransferred() | flowing.TicketStepSubmitted():
            text = shown(event.note)
        case flowing.ApprovalRequested() | flowing.ApprovalGiven():
            text = shown(event.note)
        case _:
            text = None
    return text or None


def _fields(fields: dict[str, Any]) -> Iterator[Part]:
    """Values that read as text. Internal all: which of them a requester may see is not the log's to say."""
    for key, value in fields.items():
        yield Part(f"field:{key}", " ".join(_texts(value)) or None, internal=True)


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case bool() | None:
            pass
        case int() | float():
            yield str(value)
        case dict():
            for each in value.values():
                yield from _texts(each)
        case list() | tuple():
            for each in value:
                yield from _texts(each)


def _undone(content: dict[str, Any]) -> Iterator[Part]:
    for name in (TITLE, "description"):
        if name in content:
            yield Part(name, content[name])
    if "fields" in content:
        yield Part("field:*", None)
        yield from _fields(content["fields"])


SAYING: tuple[type[Event], ...] = (
    e.TicketOpened,
    e.TicketRetitled,
    e.TicketDescribed,
    e.TicketFieldsSet,
    e.TicketReplied,
    e.TicketNoted,
    messages.TicketRemarked,
    messages.TicketAttached,
    messages.TicketAttachmentRemoved,
    messages.TicketMessageRedacted,
    handling.TicketUrged,
    handling.TicketTransferred,
    handling.TicketReturned,
    settling.TicketRated,
    flowing.TicketStepSubmitted,
    flowing.ApprovalRequested,
    flowing.ApprovalGiven,
    flowing.ApprovalRefused,
    undoing.TicketUndone,
)

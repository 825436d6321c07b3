"""An event as other services are told it, in the same shape on Kafka, over HTTP and in webhooks: a CloudEvent."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from pydantic_core import to_json

from domain.event import ERASED, Actor, Erased, Event, Recorded, UnknownEvent
from domain.streaming import KINDS, Shown
from domain.ticket.messages import TicketAttachmentRemoved, TicketMessageRedacted

JSON = "application/json"
# What says that a message or a file is not to be shown any more, in the events before it either.
TAKING_BACK = (TicketMessageRedacted.NAME, TicketAttachmentRemoved.NAME)

Value = str | int | bool


class Told(NamedTuple):
    """A CloudEvent: its attributes, those that have nothing to say left out, and its data as JSON."""

    attributes: Mapping[str, Value]
    data: bytes

    def structured(self) -> bytes:
        """All of it as one JSON object (`application/cloudevents+json`)."""
        return b'%b,"data":%b}' % (to_json(self.attributes)[:-1], self.data)

    def headers(self) -> list[tuple[str, bytes]]:
        """The attributes as headers of a Kafka message whose value is the data (binary mode)."""
        return [(_header(name), _text(value)) for name, value in self.attributes.items()]


def tell(
    recorded: Recorded[Event],
    shown: Collection[Shown] | None = None,
    taken_back: Collection[UUID] = (),
) -> Told:
    """What is told of an event: null stands for content that is not told; secrets are not there at all.

    `shown` are the kinds of content that may be told, all of it by default. `taken_back` has the ids of messages and files
    that were redacted or taken off since: their content is told to nobody.
    """
    event = recorded.event
    content = event.CONTENT - event.SECRETS
    redacted = bool(content) and any(part in taken_back for part in parts(event))
    shut = content if redacted else _shut(type(event), shown)
    told = event.model_copy(update=dict.fromkeys(shut, ERASED)) if shut else event
    why = {
        "erased": any(isinstance(getattr(event, name), Erased) for name in content),
        "redacted": redacted,
        "closed": bool(shut) and not redacted,
    }
    return Told(attributes(recorded) | {name: True for name, true in why.items() if true}, _data(told))


def attributes(recorded: Recorded[Event]) -> dict[str, Value]:
    """The CloudEvents attributes of an event; those that it has no value for are left out."""
    metadata = recorded.metadata
    found: dict[str, str | int | None] = {
        "specversion": "1.0",
        "id": str(metadata.event_id),
        "source": f"/workspaces/{metadata.workspace_id}",
        "type": type_of(recorded.event),
        "subject": str(recorded.stream_id),
        "time": moment(metadata.occurred_at),
        "datacontenttype": JSON,
        "workspace": str(metadata.workspace_id),
        "position": recorded.position,
        "version": recorded.version,
        "recorded": moment(recorded.recorded_at),
        "actor": _person(metadata.actor),
        "onbehalfof": _person(metadata.on_behalf_of) if metadata.on_behalf_of else None,
        "channel": metadata.channel,
        "correlationid": str(metadata.correlation_id),
        "causationid": str(metadata.causation_id) if metadata.causation_id else None,
        "commandid": str(metadata.command_id),
        "ruleid": str(metadata.rule_id) if metadata.rule_id else None,
        "ruleversion": metadata.rule_version,
    }
    return {name: value for name, value in found.items() if value is not None}


def type_of(event: Event) -> str:
    """Stable name and version: `ticket.opened.v2`."""
    return f"{name_of(event)}.v{event.unknown_version if isinstance(event, UnknownEvent) else event.VERSION}"


def name_of(event: Event) -> str:
    """Stable name: `ticket.opened`."""
    return event.unknown_name if isinstance(event, UnknownEvent) else event.NAME


def parts(event: Event) -> list[UUID]:
    """The message and the file that the event is of."""
    named = (getattr(event, "message_id", None), getattr(event, "attachment_id", None))
    return [part for part in named if part is not None]


def _shut(kind: type[Event], shown: Collection[Shown] | None) -> Collection[str]:
    """Fields of content that are not among what may be told."""
    if shown is None:
        return ()
    return [name for name in kind.CONTENT - kind.SECRETS if KINDS.get((kind.NAME, name)) not in shown]


def _data(event: Event) -> bytes:
    if isinstance(event, UnknownEvent):
        return to_json(event.data)
    return event.__pydantic_serializer__.to_json(event, exclude=set(event.SECRETS) or None)


def moment(at: datetime) -> str:
    """As CloudEvents write it."""
    return at.isoformat().replace("+00:00", "Z")


def _person(actor: Actor) -> str:
    return f"{actor.kind}:{actor.id}"


def _header(name: str) -> str:
    return "content-type" if name == "datacontenttype" else f"ce_{name}"


def _text(value: Value) -> bytes:
    return (str(value).lower() if isinstance(value, bool) else str(value)).encode()

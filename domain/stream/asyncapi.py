"""The AsyncAPI 3 document: which topics there are, and what every message of them looks like."""

from collections.abc import Iterable, Mapping
from typing import Any

from domain.stream.present import PRESENT

FORMAT = "application/schema+json;version=2020-12"
EVENTS_TOPIC, TICKETS_TOPIC = "ledgerdesk.events", "ledgerdesk.tickets"
PARTITIONS = 12

_MOMENT, _ID = {"type": "string", "format": "date-time"}, {"type": "string", "format": "uuid"}
_COUNT, _TRUE = {"type": "string", "pattern": "^[0-9]+$"}, {"const": "true"}
# In Kafka every attribute is a header with the prefix `ce_` and a text as its value.
ATTRIBUTES: dict[str, tuple[dict[str, Any], str]] = {
    "specversion": ({"const": "1.0"}, "Version of CloudEvents."),
    "id": (_ID, "Of the event: a repeat has the same."),
    "source": ({"type": "string", "format": "uri-reference"}, "The workspace, as a path."),
    "type": ({"type": "string"}, "Stable name of the event and its version; names the schema of the data."),
    "subject": (_ID, "The ticket; for other events the requester, organisation, workspace or view."),
    "time": (_MOMENT, "When it happened."),
    "workspace": (_ID, "Whose it is."),
    "position": (_COUNT, "Place in the log: grows from event to event, with gaps."),
    "version": (_COUNT, "Place in the history of the subject: 1, 2, 3, without gaps."),
    "recorded": (_MOMENT, "When the log took it."),
    "actor": ({"type": "string"}, "Who did it: person, requester, system, rule or api_key, a colon, and their id."),
    "onbehalfof": ({"type": "string"}, "For whom, written as the actor is."),
    "channel": ({"type": "string"}, "From where: api, import, rule and others."),
    "correlationid": (_ID, "What belongs together has the same."),
    "causationid": (_ID, "The event that led to it."),
    "commandid": (_ID, "The command that it came of."),
    "ruleid": (_ID, "The rule that did it."),
    "ruleversion": (_COUNT, "The version of that rule."),
    "erased": (_TRUE, "Content of it is null since its key was destroyed: delete what you kept of the subject."),
    "redacted": (_TRUE, "Content of it is null since its message was redacted, or its file taken off."),
    "closed": (_TRUE, "Content of it is null since the workspace does not show that kind in the stream."),
}
_SOMETIMES = frozenset({"onbehalfof", "causationid", "ruleid", "ruleversion", "erased", "redacted", "closed"})
# A present state has come of many events: it tells of none of them who did it and why.
_OF_TICKETS = frozenset({"specversion", "source", "type", "subject", "time", "workspace", "position", "version"})


def document(types: Iterable[str]) -> dict[str, Any]:
    """The document over the schemas of these types, which lie beside it."""
    types = sorted(types)
    tickets = [name for name in types if _of_ticket(name)]
    events = [name for name in types if not _of_ticket(name)]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Ledgerdesk event stream",
            "version": "1",
            "description": "Every event of a ticket desk as a CloudEvent in binary mode. How to use it: ../stream.md.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "events": _channel(EVENTS_TOPIC, "Every event, in the order of its ticket.", "delete", events),
            "tickets": _channel(TICKETS_TOPIC, "What each ticket is now; no value once erased.", "compact", tickets),
        },
        "operations": {name: _sent(name) for name in ("events", "tickets")},
        "components": {
            "messages": {name: _message(name) for name in types},
            "messageTraits": {"event": {"headers": event_headers()}, "ticket": {"headers": ticket_headers()}},
        },
    }


def event_headers() -> dict[str, Any]:
    """The schema of the headers of an event."""
    return _headers(ATTRIBUTES)


def ticket_headers() -> dict[str, Any]:
    """The schema of the headers of a present state."""
    own = {"id": ({"type": "string"}, "The ticket and the position, with a dot between.")}
    return _headers(
        {name: own.get(name, ATTRIBUTES[name]) for name in ATTRIBUTES if name in _OF_TICKETS or name in own}
    )


def _headers(described: Mapping[str, tuple[dict[str, Any], str]]) -> dict[str, Any]:
    named = {f"ce_{name}": {**schema, "description": said} for name, (schema, said) in described.items()}
    always = ["content-type", *(f"ce_{name}" for name in described if name not in _SOMETIMES)]
    return {
        "type": "object",
        "properties": {"content-type": {"const": "application/json"}, **named},
        "required": sorted(always),
    }


def _channel(topic: str, said: str, policy: str, messages: Iterable[str]) -> dict[str, Any]:
    kafka = {"topic": topic, "partitions": PARTITIONS, "topicConfiguration": {"cleanup.policy": [policy]}}
    return {
        "address": topic,
        "description": said,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": {**kafka, "bindingVersion": "0.5.0"}},
    }


def _of_ticket(name: str) -> bool:
    return name.rpartition(".v")[0] == PRESENT.rpartition(".v")[0]


def _sent(channel: str) -> dict[str, Any]:
    return {"action": "send", "channel": {"$ref": f"#/channels/{channel}"}}


def _message(name: str) -> dict[str, Any]:
    key = {"type": "string", "format": "uuid", "description": "The subject: what is of one ticket keeps its order."}
    return {
        "name": name,
        "traits": [{"$ref": f"#/components/messageTraits/{'ticket' if _of_ticket(name) else 'event'}"}],
        "payload": {"schemaFormat": FORMAT, "schema": {"$ref": f"./{name}.json"}},
        "bindings": {"kafka": {"key": key, "bindingVersion": "0.5.0"}},
    }

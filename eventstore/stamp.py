"""Turns decided events into what the log takes: envelope, content key, bytes, and a fingerprint of what was asked."""

from collections.abc import Sequence
from uuid import UUID

from domain.command import CONTEXT_FIELDS, Command
from domain.event import Event, Metadata
from eventstore import codec
from eventstore.append import Call, NewEvent
from eventstore.identifiers import uuid7
from eventstore.keyring import ContentKey, Keyring, WrappedKey
from eventstore.streams import Loaded

# Who repeats a command, and when, is not what was asked for.
_NOT_ASKED = set(CONTEXT_FIELDS)


def stamp(
    keyring: Keyring, command: Command, stream: UUID, before: Loaded, events: Sequence[Event]
) -> tuple[Call, dict[UUID, ContentKey]]:
    """The call that appends the events after `before`, and the keys that it brings into being."""
    keys: dict[UUID, ContentKey] = {}
    wrapped: list[WrappedKey] = []
    stored: list[NewEvent] = []
    for version, event in enumerate(events, before.version + 1):
        owner = event.subject(stream)
        # A ticket that began as a draft has its key.
        if event.CREATES_SUBJECT and owner not in before.keys:
            keys[owner], row = keyring.new_key(command.workspace_id, owner)
            wrapped.append(row)
        metadata = envelope(command)
        key = keys.get(owner) or before.keys.get(owner)
        state = codec.encode(event, metadata, stream, version, key if isinstance(key, ContentKey) else None)
        stored.append(NewEvent(event.NAME, metadata.event_id, state))
    fingerprint = keyring.fingerprint(asked(command))
    call = Call(command.workspace_id, command.command_id, fingerprint, stream, before.version, stored, wrapped)
    return call, keys


def envelope(command: Command) -> Metadata:
    """The envelope of one more of the command's events."""
    return Metadata(
        event_id=uuid7(),
        workspace_id=command.workspace_id,
        occurred_at=command.at,
        actor=command.author,
        channel=command.channel,
        correlation_id=command.correlation_id or command.command_id,
        command_id=command.command_id,
        causation_id=command.causation_id,
        on_behalf_of=command.on_behalf_of,
        rule_id=command.rule_id,
        rule_version=command.rule_version,
    )


def asked(command: Command) -> bytes:
    """What a command asks for, as bytes that a repeat has too."""
    return type(command).__name__.encode() + command.__pydantic_serializer__.to_json(command, exclude=_NOT_ASKED)

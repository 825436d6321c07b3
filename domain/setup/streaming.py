"""Setting what the stream to other services may show (J2)."""

from dataclasses import replace

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.permissions import Permission
from domain.streaming import Shown
from domain.workspace import ReasonedCommand, ReasonedEvent


class StreamSet(ReasonedEvent, name="workspace.stream_set", version=1):
    """The stream to other services shows these kinds of ticket content from now on, and no others."""

    shown: tuple[Shown, ...]
    previous: tuple[Shown, ...]


class SetStream(ReasonedCommand):
    """Say what the stream to other services may show."""

    shown: tuple[Shown, ...]


@decides(SetStream, needs=Permission.ACCESS_EDIT)
def set_stream(command: SetStream, desk: Catalogue, _: Catalogue) -> Decision:
    """In whatever order they are named, and each once. No change, no event."""
    shown = tuple(kind for kind in Shown if kind in command.shown)
    if shown == desk.streamed:
        return []
    return [StreamSet(shown=shown, previous=desk.streamed, **command.reasons)]


@evolves(StreamSet)
def _(desk: Catalogue, event: StreamSet) -> Catalogue:
    return replace(desk, streamed=event.shown)

"""Requesters who are blocked (A24), or who turn out to be one, which can be undone (F7).

A merge happens on two streams. The first event carries all that the other side needs; `counterpart` makes the command
for it, which never refuses, so that whoever is interrupted in between is finished by a process.
"""

from uuid import UUID, uuid5

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.copying import replace
from domain.errors import InvalidInput, Refusal
from domain.event import SYSTEM, Event, Recorded
from domain.permissions import Permission
from domain.requester import Requester, RequesterCommand, UnknownRequester


class RequesterBlocked(Refusal):
    """A blocked requester opens no tickets (A24)."""

    code = "requester_blocked"
    sentence = "Requester {requester} is blocked and can open no tickets. Unblock them first."


class RequesterWasBlocked(Event, name="requester.blocked", version=1):
    """The customer opens no more tickets. `ticket` is the number of the one that was marked as spam, if any."""

    ticket: str | None = None


class RequesterWasUnblocked(Event, name="requester.unblocked", version=1):
    """The customer opens tickets again."""


class RequesterMergedInto(Event, name="requester.merged_into", version=1):
    """The customer was known twice and goes on as another, with all (`brings`) who had been merged into them."""

    into: UUID
    brings: tuple[UUID, ...] = ()


class RequesterMergeUndone(Event, name="requester.merge_undone", version=1):
    """They were two customers after all."""

    into: UUID


class RequesterAbsorbed(Event, name="requester.absorbed", version=1):
    """Another record was this customer too, and so were those that it brings."""

    absorbed: UUID
    brings: tuple[UUID, ...] = ()


class RequesterReleased(Event, name="requester.released", version=1):
    """A record that was merged into this one is on its own again, with those that it brought."""

    released: UUID


class BlockRequester(RequesterCommand):
    """Take no more tickets of the customer. `ticket` is the number of the one that was marked as spam, if any."""

    ticket: str | None = None


class UnblockRequester(RequesterCommand):
    """Take the customer's tickets again."""


class MergeRequester(RequesterCommand):
    """Go on as another: this record is the duplicate."""

    into: UUID


class UndoRequesterMerge(RequesterCommand):
    """Take a merge back: both are what they were."""


class AbsorbRequester(RequesterCommand):
    """The other side of a merge."""

    absorbed: UUID
    brings: tuple[UUID, ...] = ()


class ReleaseRequester(RequesterCommand):
    """The other side of a merge that is undone."""

    released: UUID


@decides(BlockRequester, needs=Permission.REQUESTER_BLOCK)
def block(command: BlockRequester, requester: Requester, _: Catalogue) -> Decision:
    """Nothing where there is nobody to block: it may be the other side of a ticket's mark."""
    if not requester.registered or requester.erasing or requester.blocked:
        return []
    return [RequesterWasBlocked(ticket=command.ticket)]


@decides(UnblockRequester, needs=Permission.REQUESTER_BLOCK)
def unblock(_command: UnblockRequester, requester: Requester, _: Catalogue) -> Decision:
    """Nothing where they are not blocked."""
    return [RequesterWasUnblocked()] if requester.blocked else []


@decides(MergeRequester, needs=Permission.REQUESTER_MERGE)
def merge(command: MergeRequester, requester: Requester, _: Catalogue) -> Decision:
    """Once, and into another; the same again changes nothing."""
    if requester.merged_into == command.into:
        return []
    requester.must_be_there(command.requester_id)
    if command.into == command.requester_id:
        raise InvalidInput(field="into", reason="must be another requester")
    return [RequesterMergedInto(into=command.into, brings=tuple(sorted(requester.absorbed)))]


@decides(UndoRequesterMerge, needs=Permission.REQUESTER_MERGE)
def undo_merge(command: UndoRequesterMerge, requester: Requester, _: Catalogue) -> Decision:
    """Nothing where they are on their own."""
    if not requester.registered:
        raise UnknownRequester(requester=command.requester_id)
    return [] if requester.merged_into is None else [RequesterMergeUndone(into=requester.merged_into)]


@decides(AbsorbRequester, needs=Permission.REQUESTER_MERGE)
def absorb(command: AbsorbRequester, requester: Requester, _: Catalogue) -> Decision:
    """Never refused. Of two that were merged into each other at once, the one with the lower id stays."""
    if not requester.registered or command.absorbed in requester.merges:
        return []
    brings = tuple(each for each in command.brings if each != command.requester_id)
    absorbed = RequesterAbsorbed(absorbed=command.absorbed, brings=brings)
    if requester.merged_into != command.absorbed:
        return [absorbed]
    if command.requester_id > command.absorbed:
        return []
    return [RequesterMergeUndone(into=command.absorbed), absorbed]


@decides(ReleaseRequester, needs=Permission.REQUESTER_MERGE)
def release(command: ReleaseRequester, requester: Requester, _: Catalogue) -> Decision:
    """The other side of a merge that is undone never refuses."""
    return [RequesterReleased(released=command.released)] if command.released in requester.merges else []


FIRST_HALVES = (RequesterMergedInto, RequesterMergeUndone)


def counterpart(recorded: Recorded[Event]) -> AbsorbRequester | ReleaseRequester | None:
    """The command that brings the other requester in line, the same whoever asks; None where the event needs none."""
    event, cause = recorded.event, recorded.metadata
    if not isinstance(event, FIRST_HALVES):
        return None
    context = {
        "workspace_id": cause.workspace_id,
        "by": SYSTEM,
        "on_behalf_of": cause.doer,
        "at": recorded.recorded_at,
        "command_id": uuid5(cause.command_id, "counterpart"),
        "channel": cause.channel,
        "correlation_id": cause.correlation_id,
        "causation_id": cause.event_id,
    }
    if isinstance(event, RequesterMergedInto):
        brings = {"absorbed": recorded.stream_id, "brings": event.brings}
        return AbsorbRequester(requester_id=event.into, **brings, **context)
    return ReleaseRequester(requester_id=event.into, released=recorded.stream_id, **context)


@evolves(RequesterWasBlocked)
def _(requester: Requester, _event: RequesterWasBlocked) -> Requester:
    return replace(requester, blocked=True)


@evolves(RequesterWasUnblocked)
def _(requester: Requester, _event: RequesterWasUnblocked) -> Requester:
    return replace(requester, blocked=False)


@evolves(RequesterMergedInto)
def _(requester: Requester, event: RequesterMergedInto) -> Requester:
    return replace(requester, merged_into=event.into)


@evolves(RequesterMergeUndone)
def _(requester: Requester, _event: RequesterMergeUndone) -> Requester:
    return replace(requester, merged_into=None)


@evolves(RequesterAbsorbed)
def _(requester: Requester, event: RequesterAbsorbed) -> Requester:
    return replace(requester, merges={**requester.merges, event.absorbed: event.brings})


@evolves(RequesterReleased)
def _(requester: Requester, event: RequesterReleased) -> Requester:
    merges = {source: brought for source, brought in requester.merges.items() if source != event.released}
    return replace(requester, merges=merges)

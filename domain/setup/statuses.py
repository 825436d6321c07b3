"""A workspace's own life cycle: its statuses' names and order, which are retired, and which may follow which (A6)."""

from dataclasses import replace

from pydantic import Field

from domain.catalogue import Catalogue, Status
from domain.command import Decision, decides, evolves
from domain.errors import InvalidInput, Refusal
from domain.permissions import Permission
from domain.setup.uses import must_be_free_of_rules
from domain.values import Key, Line
from domain.workspace import ReasonedCommand, ReasonedEvent


class OnlyStatusOfItsKind(Refusal):
    """Tickets could not go on without a status of that kind."""

    code = "only_status_of_its_kind"
    sentence = "«{status}» is the only status of the kind {kind}. Add another of that kind first."


class StatusRenamed(ReasonedEvent, name="workspace.status_renamed", version=1):
    """People call the status something else."""

    key: str
    title: str
    previous: str


class StatusesOrdered(ReasonedEvent, name="workspace.statuses_ordered", version=1):
    """The statuses come in another order; the first of a kind is the one that is used where only the kind is said."""

    order: tuple[str, ...]
    previous: tuple[str, ...]


class StatusRetired(ReasonedEvent, name="workspace.status_retired", version=1):
    """No ticket is put into the status any more; those that are in it stay."""

    key: str


class StatusRestored(ReasonedEvent, name="workspace.status_restored", version=1):
    """The status is in use again."""

    key: str


class MovesAllowed(ReasonedEvent, name="workspace.moves_allowed", version=1):
    """Other statuses may follow than before; None is what its kind allows by itself."""

    key: str
    to: tuple[str, ...] | None
    previous: tuple[str, ...] | None


class RenameStatus(ReasonedCommand):
    """Call the status something else."""

    key: Key
    title: Line


class OrderStatuses(ReasonedCommand):
    """Put the statuses into this order; all of them are named."""

    order: tuple[Key, ...] = Field(max_length=200)


class RetireStatus(ReasonedCommand):
    """Put no ticket into the status any more."""

    key: Key


class RestoreStatus(ReasonedCommand):
    """Use the status again."""

    key: Key


class AllowMoves(ReasonedCommand):
    """Say which statuses may follow this one; None leaves it to what its kind allows."""

    key: Key
    to: tuple[Key, ...] | None = Field(max_length=200)


@decides(RenameStatus, needs=Permission.WORKSPACE_EDIT)
def rename(command: RenameStatus, desk: Catalogue, _: Catalogue) -> Decision:
    """No change, no event."""
    status = desk.status(command.key)
    if status.name == command.title:
        return []
    return [StatusRenamed(key=status.key, title=command.title, previous=status.name, **command.reasons)]


@decides(OrderStatuses, needs=Permission.WORKSPACE_EDIT)
def order(command: OrderStatuses, desk: Catalogue, _: Catalogue) -> Decision:
    """Every status once: what is left out would have no place."""
    if sorted(command.order) != sorted(desk.statuses):
        raise InvalidInput(field="order", reason=f"name each of these once: {', '.join(desk.statuses)}")
    if command.order == tuple(desk.statuses):
        return []
    return [StatusesOrdered(order=command.order, previous=tuple(desk.statuses), **command.reasons)]


@decides(RetireStatus, needs=Permission.WORKSPACE_EDIT)
def retire(command: RetireStatus, desk: Catalogue, _: Catalogue) -> Decision:
    """Not the only one of its kind, nor one that a rule puts tickets into."""
    status = desk.status(command.key)
    if not status.active:
        return []
    if not any(s.active and s.kind is status.kind and s.key != status.key for s in desk.statuses.values()):
        raise OnlyStatusOfItsKind(status=status.key, kind=status.kind.value)
    must_be_free_of_rules(desk, "status", status.key)
    return [StatusRetired(key=status.key, **command.reasons)]


@decides(RestoreStatus, needs=Permission.WORKSPACE_EDIT)
def restore(command: RestoreStatus, desk: Catalogue, _: Catalogue) -> Decision:
    """No change, no event."""
    return [] if desk.status(command.key).active else [StatusRestored(key=command.key, **command.reasons)]


@decides(AllowMoves, needs=Permission.WORKSPACE_EDIT)
def allow_moves(command: AllowMoves, desk: Catalogue, _: Catalogue) -> Decision:
    """In the order of the life cycle, whatever order they were named in."""
    status, previous = desk.status(command.key), desk.moves.get(command.key)
    named = {desk.status(key).key for key in command.to or ()} - {status.key}
    to = None if command.to is None else tuple(key for key in desk.statuses if key in named)
    return [] if to == previous else [MovesAllowed(key=status.key, to=to, previous=previous, **command.reasons)]


def _with(desk: Catalogue, status: Status) -> Catalogue:
    return replace(desk, statuses={**desk.statuses, status.key: status})


@evolves(StatusRenamed)
def _(desk: Catalogue, event: StatusRenamed) -> Catalogue:
    return _with(desk, replace(desk.statuses[event.key], name=event.title))


@evolves(StatusesOrdered)
def _(desk: Catalogue, event: StatusesOrdered) -> Catalogue:
    return replace(desk, statuses={key: desk.statuses[key] for key in event.order})


@evolves(StatusRetired)
def _(desk: Catalogue, event: StatusRetired) -> Catalogue:
    return _with(desk, replace(desk.statuses[event.key], active=False))


@evolves(StatusRestored)
def _(desk: Catalogue, event: StatusRestored) -> Catalogue:
    return _with(desk, replace(desk.statuses[event.key], active=True))


@evolves(MovesAllowed)
def _(desk: Catalogue, event: MovesAllowed) -> Catalogue:
    others = {key: to for key, to in desk.moves.items() if key != event.key}
    return replace(desk, moves=others if event.to is None else {**others, event.key: event.to})

"""A requester: the customer a ticket is for. Everything that identifies them is content under their own key."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal
from uuid import UUID

from domain.catalogue import Catalogue
from domain.command import Command, Decision, decides, evolves
from domain.errors import InvalidInput, Refusal
from domain.event import ERASED, Content, Event
from domain.permissions import Permission
from domain.values import InOrder, Line


class UnknownRequester(Refusal):
    """No requester was registered under that id."""

    code = "unknown_requester"
    status = 404
    sentence = "No requester {requester} in this workspace. Register them at /api/v1/requesters first."


class RequesterExists(Refusal):
    """A requester is registered once."""

    code = "requester_exists"
    sentence = "There is already a requester {requester}."


class RequesterErasureNotRequested(Refusal):
    """An erasure is confirmed only after somebody asked for it."""

    code = "requester_erasure_not_requested"
    sentence = "Nobody has asked to erase requester {requester}. Ask for that first."


class RequesterErased(Refusal):
    """The requester was erased for ever."""

    code = "requester_erased"
    status = 410
    sentence = "Requester {requester} was erased; nothing about them can be read or changed any more."


class RequesterRegistered(Event, name="requester.registered", version=1, creates=True):
    """A customer became known."""

    requester_name: Content[str]
    email: Content[str | None] = None
    phone: Content[str | None] = None


class RequesterChanged(Event, name="requester.changed", version=1):
    """What is known of a customer changed; all fields as they are now."""

    requester_name: Content[str]
    email: Content[str | None] = None
    phone: Content[str | None] = None


class RequesterErasureRequested(Event, name="requester.erasure_requested", version=1):
    """Somebody asked for the customer to be forgotten; nothing is shown from here on."""

    reason: str


class RequesterWasErased(Event, name="requester.erased", version=1):
    """The key is destroyed: what identified the customer cannot be read by anybody."""


@dataclass(frozen=True, slots=True)
class Requester:
    """The state that decisions need."""

    registered: bool = False
    requester_name: Content[str] = ""
    email: Content[str | None] = None
    phone: Content[str | None] = None
    erasing: bool = False
    erased: bool = False

    def must_be_there(self, requester: UUID) -> None:
        """Raise unless the requester is registered and not erased."""
        if not self.registered:
            raise UnknownRequester(requester=requester)
        if self.erasing:
            raise RequesterErased(requester=requester)


class RequesterCommand(Command):
    """A command on a requester's stream."""

    AGGREGATE = "requester"
    requester_id: UUID

    @property
    def stream_id(self) -> UUID:
        """The requester's."""
        return self.requester_id


class RegisterRequester(RequesterCommand):
    """Make a customer known."""

    requester_name: Line
    email: Line | None = None
    phone: Line | None = None


class ChangeRequester(RequesterCommand):
    """Change what is known of a customer; fields that are not given stay, `clear` names what is taken away."""

    requester_name: Line | None = None
    email: Line | None = None
    phone: Line | None = None
    clear: Annotated[frozenset[Literal["email", "phone"]], InOrder] = frozenset()


class EraseRequester(RequesterCommand):
    """Forget a customer for ever. The reason stays readable, so nothing personal belongs in it."""

    reason: Line


class ConfirmRequesterErasure(RequesterCommand):
    """Record that the customer's key is destroyed."""


@decides(RegisterRequester, needs=Permission.REQUESTER_EDIT)
def register(command: RegisterRequester, requester: Requester, _: Catalogue) -> Decision:
    """Once."""
    if requester.registered:
        raise RequesterExists(requester=command.requester_id)
    return [RequesterRegistered(requester_name=command.requester_name, email=command.email, phone=command.phone)]


@decides(ChangeRequester, needs=Permission.REQUESTER_EDIT)
def change(command: ChangeRequester, requester: Requester, _: Catalogue) -> Decision:
    """No change, no event."""
    requester.must_be_there(command.requester_id)
    given = command.model_dump(include={"requester_name", "email", "phone"}, exclude_none=True)
    if both := command.clear & given.keys():
        raise InvalidInput(field="clear", reason=f"{', '.join(sorted(both))} cannot be given and cleared at once")
    changed = replace(requester, **given | dict.fromkeys(command.clear))
    if changed == requester:
        return []
    return [RequesterChanged(requester_name=changed.requester_name, email=changed.email, phone=changed.phone)]


@decides(EraseRequester, needs=Permission.REQUESTER_ERASE)
def erase(command: EraseRequester, requester: Requester, _: Catalogue) -> Decision:
    """Asking twice changes nothing."""
    if not requester.registered:
        raise UnknownRequester(requester=command.requester_id)
    return [] if requester.erasing else [RequesterErasureRequested(reason=command.reason)]


@decides(ConfirmRequesterErasure, needs=Permission.REQUESTER_ERASE)
def confirm_erasure(command: ConfirmRequesterErasure, requester: Requester, _: Catalogue) -> Decision:
    """Only after it was asked for, and once."""
    if not requester.registered:
        raise UnknownRequester(requester=command.requester_id)
    if not requester.erasing:
        raise RequesterErasureNotRequested(requester=command.requester_id)
    return [] if requester.erased else [RequesterWasErased()]


@evolves(RequesterRegistered)
def _(_requester: Requester, event: RequesterRegistered) -> Requester:
    return Requester(True, event.requester_name, event.email, event.phone)


@evolves(RequesterChanged)
def _(requester: Requester, event: RequesterChanged) -> Requester:
    return replace(requester, requester_name=event.requester_name, email=event.email, phone=event.phone)


@evolves(RequesterErasureRequested)
def _(requester: Requester, _event: RequesterErasureRequested) -> Requester:
    return replace(requester, requester_name=ERASED, email=ERASED, phone=ERASED, erasing=True)


@evolves(RequesterWasErased)
def _(requester: Requester, _event: RequesterWasErased) -> Requester:
    return replace(requester, erased=True)

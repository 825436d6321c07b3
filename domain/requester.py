"""A requester: the customer a ticket is for. Everything that identifies them is content under their own key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from domain.catalogue import Catalogue
from domain.command import Command, Decision, decides, evolve, evolves
from domain.copying import replace
from domain.errors import InvalidInput, Refusal
from domain.event import ERASED, Content, Event
from domain.permissions import Permission
from domain.values import Contact, InOrder, Key, Line, Tag


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


class RequesterMergedAway(Refusal):
    """The requester goes on as another."""

    code = "requester_merged"
    sentence = "Requester {requester} was merged into {into}. Go on there, or undo the merge."


# Why nothing can be done for a requester.
GONE = (UnknownRequester, RequesterErased, RequesterMergedAway)


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


class RequesterClassified(Event, name="requester.classified", version=1):
    """How a customer is served and where they belong; all as it is now."""

    tier: str | None = None
    plan: str | None = None
    organisation_id: UUID | None = None
    tags: tuple[str, ...] = ()


class RequesterContactsSet(Event, name="requester.contacts_set", version=1):
    """The further ways to reach a customer; all of them."""

    contacts: Content[tuple[Contact, ...]]


@dataclass(frozen=True, slots=True)
class Requester:
    """The state that decisions need."""

    registered: bool = False
    requester_name: Content[str] = ""
    email: Content[str | None] = None
    phone: Content[str | None] = None
    erasing: bool = False
    erased: bool = False
    contacts: Content[tuple[Contact, ...]] = ()
    tier: str | None = None
    plan: str | None = None
    organisation_id: UUID | None = None
    tags: tuple[str, ...] = ()
    blocked: bool = False
    merged_into: UUID | None = None
    # Each record that was merged into this one, with those that it brought along.
    merges: Mapping[UUID, tuple[UUID, ...]] = field(default_factory=dict)

    @property
    def absorbed(self) -> frozenset[UUID]:
        """All records whose tickets are this customer's too."""
        return frozenset(self.merges).union(*self.merges.values())

    def must_be_there(self, requester: UUID) -> None:
        """Raise unless the requester is registered, not erased, and not merged into another."""
        if not self.registered:
            raise UnknownRequester(requester=requester)
        if self.erasing:
            raise RequesterErased(requester=requester)
        if self.merged_into is not None:
            raise RequesterMergedAway(requester=requester, into=self.merged_into)


class RequesterCommand(Command):
    """A command on a requester's stream."""

    AGGREGATE = "requester"
    requester_id: UUID

    @property
    def stream_id(self) -> UUID:
        """The requester's."""
        return self.requester_id


MOST_CONTACTS = 20
Contacts = Annotated[tuple[Contact, ...], Field(max_length=MOST_CONTACTS)]
RequesterTags = Annotated[tuple[Tag, ...], Field(max_length=100)]


class RegisterRequester(RequesterCommand):
    """Make a customer known."""

    requester_name: Line
    email: Line | None = None
    phone: Line | None = None
    contacts: Contacts = ()
    tier: Key | None = None
    plan: Key | None = None
    organisation_id: UUID | None = None
    tags: RequesterTags = ()


Clearable = Literal["email", "phone", "tier", "plan", "organisation_id"]


class ChangeRequester(RequesterCommand):
    """Change what is known of a customer; fields that are not given stay, `clear` names what is taken away."""

    requester_name: Line | None = None
    email: Line | None = None
    phone: Line | None = None
    contacts: Contacts | None = None
    tier: Key | None = None
    plan: Key | None = None
    organisation_id: UUID | None = None
    tags: RequesterTags | None = None
    clear: Annotated[frozenset[Clearable], InOrder] = frozenset()


class EraseRequester(RequesterCommand):
    """Forget a customer for ever. The reason stays readable, so nothing personal belongs in it."""

    reason: Line


class ConfirmRequesterErasure(RequesterCommand):
    """Record that the customer's key is destroyed."""


_CORE = ("requester_name", "email", "phone")
_CLASSES = ("tier", "plan", "organisation_id", "tags")
_FIELDS = (*_CORE, *_CLASSES, "contacts")


@decides(RegisterRequester, needs=Permission.REQUESTER_EDIT)
def register(command: RegisterRequester, requester: Requester, desk: Catalogue) -> Decision:
    """Once."""
    if requester.registered:
        raise RequesterExists(requester=command.requester_id)
    known = RequesterRegistered(requester_name=command.requester_name, email=command.email, phone=command.phone)
    bare: Requester = evolve(requester, known)
    return [known, *_changes(bare, replace(bare, **_given(command, desk)))]


@decides(ChangeRequester, needs=Permission.REQUESTER_EDIT)
def change(command: ChangeRequester, requester: Requester, desk: Catalogue) -> Decision:
    """One event for each kind of thing that is different; no change, no event."""
    requester.must_be_there(command.requester_id)
    given = _given(command, desk)
    if both := command.clear & given.keys():
        raise InvalidInput(field="clear", reason=f"{', '.join(sorted(both))} cannot be given and cleared at once")
    return _changes(requester, replace(requester, **given | dict.fromkeys(command.clear)))


def _given(command: RegisterRequester | ChangeRequester, desk: Catalogue) -> dict[str, Any]:
    given = {name: value for name in _FIELDS if (value := getattr(command, name)) is not None}
    if "tags" in given:
        given["tags"] = tuple(dict.fromkeys(map(desk.tag, given["tags"])))
    if "organisation_id" in given:
        desk.organisations.must_go_on(given["organisation_id"])
    return given


def _changes(before: Requester, after: Requester) -> Decision:
    def differ(*names: str) -> bool:
        return any(getattr(before, name) != getattr(after, name) for name in names)

    events: Decision = []
    if differ(*_CORE):
        events.append(RequesterChanged(**{name: getattr(after, name) for name in _CORE}))
    if differ(*_CLASSES):
        events.append(RequesterClassified(**{name: getattr(after, name) for name in _CLASSES}))
    if differ("contacts"):
        events.append(RequesterContactsSet(contacts=after.contacts))
    return events


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


@evolves(RequesterClassified)
def _(requester: Requester, event: RequesterClassified) -> Requester:
    return replace(requester, **dict(event))


@evolves(RequesterContactsSet)
def _(requester: Requester, event: RequesterContactsSet) -> Requester:
    return replace(requester, contacts=event.contacts)


@evolves(RequesterErasureRequested)
def _(requester: Requester, _event: RequesterErasureRequested) -> Requester:
    return replace(requester, requester_name=ERASED, email=ERASED, phone=ERASED, contacts=ERASED, erasing=True)


@evolves(RequesterWasErased)
def _(requester: Requester, _event: RequesterWasErased) -> Requester:
    return replace(requester, erased=True)

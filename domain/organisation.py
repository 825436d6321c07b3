"""An organisation: the company or household that requesters belong to. Its name is content under its own key (F7)."""

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from domain.catalogue import Catalogue
from domain.command import Command, Decision, decides, evolves
from domain.errors import InvalidInput, Refusal
from domain.event import ERASED, Content, Event
from domain.permissions import Permission
from domain.requester import Contacts, RequesterTags
from domain.values import Contact, InOrder, Key, Line


class UnknownOrganisation(Refusal):
    """No organisation was added under that id."""

    code = "unknown_organisation"
    status = 404
    sentence = "No organisation {organisation} in this workspace. Add it at /api/v1/organisations first."


class OrganisationExists(Refusal):
    """An organisation is added once."""

    code = "organisation_exists"
    sentence = "There is already an organisation {organisation}."


class OrganisationErased(Refusal):
    """The organisation was erased for ever."""

    code = "organisation_erased"
    status = 410
    sentence = "Organisation {organisation} was erased; nothing about it can be read or changed any more."


class OrganisationErasureNotRequested(Refusal):
    """An erasure is confirmed only after somebody asked for it."""

    code = "organisation_erasure_not_requested"
    sentence = "Nobody has asked to erase organisation {organisation}. Ask for that first."


class OrganisationEvent(Event):
    """All that is known of an organisation, as it is now."""

    organisation_name: Content[str]
    domains: Content[tuple[str, ...]] = ()
    contacts: Content[tuple[Contact, ...]] = ()
    tier: str | None = None
    plan: str | None = None
    tags: tuple[str, ...] = ()


class OrganisationAdded(OrganisationEvent, name="organisation.added", version=1, creates=True):
    """An organisation became known."""


class OrganisationChanged(OrganisationEvent, name="organisation.changed", version=1):
    """What is known of an organisation changed."""


class OrganisationErasureRequested(Event, name="organisation.erasure_requested", version=1):
    """Somebody asked for the organisation to be forgotten; nothing is shown from here on."""

    reason: str


class OrganisationWasErased(Event, name="organisation.erased", version=1):
    """The key is destroyed: what identified the organisation cannot be read by anybody."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """The state that decisions need."""

    added: bool = False
    organisation_name: Content[str] = ""
    domains: Content[tuple[str, ...]] = ()
    contacts: Content[tuple[Contact, ...]] = ()
    tier: str | None = None
    plan: str | None = None
    tags: tuple[str, ...] = ()
    erasing: bool = False
    erased: bool = False

    def must_be_there(self, organisation: UUID) -> None:
        """Raise unless the organisation was added and is not erased."""
        if not self.added:
            raise UnknownOrganisation(organisation=organisation)
        if self.erasing:
            raise OrganisationErased(organisation=organisation)


class OrganisationCommand(Command):
    """A command on an organisation's stream."""

    AGGREGATE = "organisation"
    organisation_id: UUID

    @property
    def stream_id(self) -> UUID:
        """The organisation's."""
        return self.organisation_id


Domains = Annotated[tuple[Line, ...], Field(max_length=50)]


class AddOrganisation(OrganisationCommand):
    """Make an organisation known. `domains` are those of its e-mail addresses."""

    organisation_name: Line
    domains: Domains = ()
    contacts: Contacts = ()
    tier: Key | None = None
    plan: Key | None = None
    tags: RequesterTags = ()


class ChangeOrganisation(OrganisationCommand):
    """Change what is known of it; what is not given stays, `clear` names what is taken away."""

    organisation_name: Line | None = None
    domains: Domains | None = None
    contacts: Contacts | None = None
    tier: Key | None = None
    plan: Key | None = None
    tags: RequesterTags | None = None
    clear: Annotated[frozenset[Literal["tier", "plan"]], InOrder] = frozenset()


class EraseOrganisation(OrganisationCommand):
    """Forget an organisation for ever; its people stay. The reason stays readable: nothing personal belongs in it."""

    reason: Line


class ConfirmOrganisationErasure(OrganisationCommand):
    """Record that the organisation's key is destroyed."""


_FIELDS = ("organisation_name", "domains", "contacts", "tier", "plan", "tags")


@decides(AddOrganisation, needs=Permission.REQUESTER_EDIT)
def add(command: AddOrganisation, organisation: Organisation, desk: Catalogue) -> Decision:
    """Once."""
    if organisation.added:
        raise OrganisationExists(organisation=command.organisation_id)
    return [OrganisationAdded(**_given(command, desk))]


@decides(ChangeOrganisation, needs=Permission.REQUESTER_EDIT)
def change(command: ChangeOrganisation, organisation: Organisation, desk: Catalogue) -> Decision:
    """No change, no event."""
    organisation.must_be_there(command.organisation_id)
    desk.organisations.must_go_on(command.organisation_id)
    given = _given(command, desk)
    if both := command.clear & given.keys():
        raise InvalidInput(field="clear", reason=f"{', '.join(sorted(both))} cannot be given and cleared at once")
    changed = replace(organisation, **given | dict.fromkeys(command.clear))
    if changed == organisation:
        return []
    return [OrganisationChanged(**{name: getattr(changed, name) for name in _FIELDS})]


@decides(EraseOrganisation, needs=Permission.REQUESTER_ERASE)
def erase(command: EraseOrganisation, organisation: Organisation, _: Catalogue) -> Decision:
    """Asking twice changes nothing."""
    if not organisation.added:
        raise UnknownOrganisation(organisation=command.organisation_id)
    return [] if organisation.erasing else [OrganisationErasureRequested(reason=command.reason)]


@decides(ConfirmOrganisationErasure, needs=Permission.REQUESTER_ERASE)
def confirm_erasure(command: ConfirmOrganisationErasure, organisation: Organisation, _: Catalogue) -> Decision:
    """Only after it was asked for, and once."""
    if not organisation.added:
        raise UnknownOrganisation(organisation=command.organisation_id)
    if not organisation.erasing:
        raise OrganisationErasureNotRequested(organisation=command.organisation_id)
    return [] if organisation.erased else [OrganisationWasErased()]


def _given(command: AddOrganisation | ChangeOrganisation, desk: Catalogue) -> dict[str, Any]:
    given = {name: value for name in _FIELDS if (value := getattr(command, name)) is not None}
    if "tags" in given:
        given["tags"] = tuple(dict.fromkeys(map(desk.tag, given["tags"])))
    if "domains" in given:
        given["domains"] = tuple(dict.fromkeys(domain.lower().removeprefix("@") for domain in given["domains"]))
    return given


@evolves(OrganisationAdded)
@evolves(OrganisationChanged)
def _(_: Organisation, event: OrganisationEvent) -> Organisation:
    return Organisation(True, **dict(event))


@evolves(OrganisationErasureRequested)
def _(organisation: Organisation, _event: OrganisationErasureRequested) -> Organisation:
    return replace(organisation, organisation_name=ERASED, domains=ERASED, contacts=ERASED, erasing=True)


@evolves(OrganisationWasErased)
def _(organisation: Organisation, _event: OrganisationWasErased) -> Organisation:
    return replace(organisation, erased=True)

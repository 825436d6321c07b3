"""What people and programs send about requesters and organisations."""

from typing import Any
from uuid import UUID

from pydantic import Field

from api.bodies import Body, left_out
from domain.organisation import Domains
from domain.requester import Contacts, RequesterTags
from domain.values import Key, Line


class _Changes(Body):
    def changes(self) -> dict[str, Any]:
        """The fields of the command; null takes a value away."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        cleared = {name for name, value in given.items() if value is None}
        return {name: value for name, value in given.items() if value is not None} | {"clear": cleared}


class RequesterBody(Body):
    """A customer."""

    name: Line
    email: Line | None = None
    phone: Line | None = None
    contacts: Contacts = ()
    tier: Key | None = None
    plan: Key | None = None
    organisation_id: UUID | None = None
    tags: RequesterTags = ()


class RequesterChanges(_Changes):
    """What is to be different about a customer; null takes a value away, what is left out stays."""

    name: Line = Field(default_factory=left_out)
    email: Line | None = None
    phone: Line | None = None
    contacts: Contacts = Field(default_factory=left_out)
    tier: Key | None = None
    plan: Key | None = None
    organisation_id: UUID | None = None
    tags: RequesterTags = Field(default_factory=left_out)


class IntoBody(Body):
    """The requester whom this one really is."""

    into: UUID


class SameOrganisationBody(Body):
    """The organisation that this one really is."""

    into: UUID


class OrganisationBody(Body):
    """A company or a household that requesters belong to."""

    name: Line
    domains: Domains = Field(default=(), description="Of its e-mail addresses.", examples=[["example.com"]])
    contacts: Contacts = ()
    tier: Key | None = None
    plan: Key | None = None
    tags: RequesterTags = ()


class OrganisationChanges(_Changes):
    """What is to be different about an organisation; null takes a value away, what is left out stays."""

    name: Line = Field(default_factory=left_out)
    domains: Domains = Field(default_factory=left_out)
    contacts: Contacts = Field(default_factory=left_out)
    tier: Key | None = None
    plan: Key | None = None
    tags: RequesterTags = Field(default_factory=left_out)

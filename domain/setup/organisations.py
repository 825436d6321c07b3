"""Organisations that turn out to be one, which can be undone (F7).

The workspace decides, not the two: so no two merges can make a ring, and rules ask the desk as it was.
"""

from dataclasses import replace
from uuid import UUID

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.errors import InvalidInput
from domain.event import Event
from domain.permissions import Permission
from domain.workspace import WorkspaceCommand


class OrganisationMerged(Event, name="workspace.organisation_merged", version=1):
    """The organisation was known twice and goes on as another; whoever belongs to it counts to that one."""

    organisation_id: UUID
    into: UUID


class OrganisationMergeUndone(Event, name="workspace.organisation_merge_undone", version=1):
    """They were two organisations after all; each has its own people again."""

    organisation_id: UUID
    into: UUID


class OrganisationsCommand(WorkspaceCommand):
    """A command about which organisations are one."""

    organisation_id: UUID


class MergeOrganisation(OrganisationsCommand):
    """Go on as another: this organisation is the duplicate."""

    into: UUID


class UndoOrganisationMerge(OrganisationsCommand):
    """Take a merge back: both are what they were."""


@decides(MergeOrganisation, needs=Permission.REQUESTER_MERGE)
def merge(command: MergeOrganisation, desk: Catalogue, _: Catalogue) -> Decision:
    """Once, and into another that goes on itself; the same again changes nothing."""
    duplicate, merges = command.organisation_id, desk.organisations
    if merges.into.get(duplicate) == command.into:
        return []
    if duplicate == command.into:
        raise InvalidInput(field="into", reason="must be another organisation")
    for each in (duplicate, command.into):
        merges.must_go_on(each)
    return [OrganisationMerged(organisation_id=duplicate, into=command.into)]


@decides(UndoOrganisationMerge, needs=Permission.REQUESTER_MERGE)
def undo_merge(command: UndoOrganisationMerge, desk: Catalogue, _: Catalogue) -> Decision:
    """Nothing where it is on its own."""
    into = desk.organisations.into.get(command.organisation_id)
    return [] if into is None else [OrganisationMergeUndone(organisation_id=command.organisation_id, into=into)]


@evolves(OrganisationMerged)
def _(desk: Catalogue, event: OrganisationMerged) -> Catalogue:
    return replace(desk, organisations=desk.organisations.with_merge(event.organisation_id, event.into))


@evolves(OrganisationMergeUndone)
def _(desk: Catalogue, event: OrganisationMergeUndone) -> Catalogue:
    return replace(desk, organisations=desk.organisations.without(event.organisation_id))

"""Known tags with their colours; renamed and merged for every ticket and requester at once (B4)."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field, StringConstraints

from domain.catalogue import Catalogue, KnownTag
from domain.command import Decision, decides, evolves
from domain.errors import InvalidInput
from domain.event import Event
from domain.permissions import Permission
from domain.values import Tag, Tags
from domain.workspace import AlreadyThere, WorkspaceCommand

Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]


class TagSet(Event, name="workspace.tag_set", version=1):
    """A tag is known, with a colour or none."""

    tag: str
    colour: str | None = None


class TagRetired(Event, name="workspace.tag_retired", version=1):
    """A tag is offered no longer; where it is, it stays."""

    tag: str


class TagRenamed(Event, name="workspace.tag_renamed", version=1):
    """Whatever had the tag has it under another name."""

    tag: str
    to: str


class TagMerged(Event, name="workspace.tag_merged", version=1):
    """Whatever had the tag has the other one."""

    tag: str
    into: str


class SetTag(WorkspaceCommand):
    """Make a tag known, or give it another colour."""

    tag: Tag
    colour: Colour | None = None


class RetireTag(WorkspaceCommand):
    """Offer the tag no longer."""

    tag: Tag


class RenameTag(WorkspaceCommand):
    """Give the tag another name, wherever it is."""

    tag: Tag
    to: Tag


class MergeTags(WorkspaceCommand):
    """Make several tags one, wherever they are."""

    tags: Tags = Field(min_length=1, max_length=50)
    into: Tag


@decides(SetTag, needs=Permission.WORKSPACE_EDIT)
def set_tag(command: SetTag, desk: Catalogue, _: Catalogue) -> Decision:
    """No change, no event. A name that was given up means the tag that has it now."""
    wanted = KnownTag(desk.tag(command.tag), command.colour)
    if desk.tags.get(wanted.name) == wanted:
        return []
    return [TagSet(tag=wanted.name, colour=wanted.colour)]


@decides(RetireTag, needs=Permission.WORKSPACE_EDIT)
def retire(command: RetireTag, desk: Catalogue, _: Catalogue) -> Decision:
    """No change, no event."""
    known = desk.tags.get(desk.tag(command.tag))
    return [TagRetired(tag=known.name)] if known is not None and known.active else []


@decides(RenameTag, needs=Permission.WORKSPACE_EDIT)
def rename(command: RenameTag, desk: Catalogue, _: Catalogue) -> Decision:
    """Into a name that no other tag has or had: two tags are merged, not renamed."""
    tag = desk.tag(command.tag)
    if tag == command.to:
        return []
    if command.to in desk.tags or desk.tag(command.to) not in (command.to, tag):
        raise AlreadyThere(what="Tag", key=command.to)
    return [TagRenamed(tag=tag, to=command.to)]


@decides(MergeTags, needs=Permission.WORKSPACE_EDIT)
def merge(command: MergeTags, desk: Catalogue, _: Catalogue) -> Decision:
    """One event a tag; what is merged already changes nothing."""
    into = desk.tag(command.into)
    if len(command.tags) == 1 and command.into in command.tags:
        raise InvalidInput(field="into", reason="must be another tag")
    return [TagMerged(tag=tag, into=into) for tag in sorted({desk.tag(tag) for tag in command.tags} - {into})]


@evolves(TagSet)
def _(desk: Catalogue, event: TagSet) -> Catalogue:
    return replace(desk, tags={**desk.tags, event.tag: KnownTag(event.tag, event.colour)})


@evolves(TagRetired)
def _(desk: Catalogue, event: TagRetired) -> Catalogue:
    return replace(desk, tags={**desk.tags, event.tag: replace(desk.tags[event.tag], active=False)})


@evolves(TagRenamed)
def _(desk: Catalogue, event: TagRenamed) -> Catalogue:
    known = desk.tags.get(event.tag)
    tags = _without(desk, event.tag)
    return _moved(
        desk, event.tag, event.to, tags if known is None else {**tags, event.to: replace(known, name=event.to)}
    )


@evolves(TagMerged)
def _(desk: Catalogue, event: TagMerged) -> Catalogue:
    return _moved(desk, event.tag, event.into, _without(desk, event.tag))


def _without(desk: Catalogue, tag: str) -> dict[str, KnownTag]:
    return {name: known for name, known in desk.tags.items() if name != tag}


def _moved(desk: Catalogue, old: str, new: str, tags: dict[str, KnownTag]) -> Catalogue:
    """Whatever led to the old name leads to the new one, which may be one that it had before."""
    led = {name: new if target == old else target for name, target in desk.tag_aliases.items()} | {old: new}
    return replace(desk, tags=tags, tag_aliases={name: target for name, target in led.items() if name != target})

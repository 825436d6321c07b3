"""Setting up types of tickets, and what categories set (B1)."""

from dataclasses import replace

from domain.catalogue import Catalogue
from domain.classification import CategoryDefinition, CategorySettings, Settings, TicketType, TypeDefinition
from domain.command import Decision, decides, evolves
from domain.errors import InvalidInput
from domain.permissions import Permission
from domain.setup.uses import must_be_unused
from domain.values import Key
from domain.workspace import Branch, CategoryAdded, ReasonedCommand, ReasonedEvent


class TypeSet(ReasonedEvent, name="workspace.type_set", version=1):
    """A type of tickets is as this says; once there are types, tickets are of one of them."""

    type: TicketType


class TypeRetired(ReasonedEvent, name="workspace.type_retired", version=1):
    """No new tickets of this type."""

    key: str


class CategorySet(ReasonedEvent, name="workspace.category_set", version=1):
    """A branch or leaf of the category tree sets this for its tickets."""

    settings: CategorySettings


class CategoryRetired(ReasonedEvent, name="workspace.category_retired", version=1):
    """No more tickets under this branch or leaf."""

    path: tuple[str, ...]


class SetType(ReasonedCommand):
    """Set up a type, or change it."""

    key: Key
    definition: TypeDefinition


class RetireType(ReasonedCommand):
    """Let no more tickets be of the type."""

    key: Key


class SetCategory(ReasonedCommand):
    """Say what a category sets; one that is not there yet is added with the branches above it."""

    definition: CategoryDefinition


class RetireCategory(ReasonedCommand):
    """Let no more tickets be filed there."""

    path: Branch


@decides(SetType, needs=Permission.WORKSPACE_EDIT)
def set_type(command: SetType, desk: Catalogue, _: Catalogue) -> Decision:
    """Whatever it names must be there; no type is above itself."""
    wanted = TicketType(key=command.key, **dict(command.definition))
    if wanted == desk.types.get(command.key):
        return []
    _check_settings(wanted, desk)
    above = wanted.parent
    while above is not None:
        if above == command.key:
            raise InvalidInput(field="parent", reason="a type cannot be below itself; choose another or none.")
        above = desk.ticket_type(above).parent
    return [TypeSet(type=wanted, **command.reasons)]


@decides(RetireType, needs=Permission.WORKSPACE_EDIT)
def retire_type(command: RetireType, desk: Catalogue, _: Catalogue) -> Decision:
    """Not while other types are below it."""
    if desk.ticket_type(command.key).retired:
        return []
    must_be_unused(desk, "type", command.key)
    return [TypeRetired(key=command.key, **command.reasons)]


@decides(SetCategory, needs=Permission.WORKSPACE_EDIT)
def set_category(command: SetCategory, desk: Catalogue, _: Catalogue) -> Decision:
    """The same again changes nothing."""
    wanted = CategorySettings(**dict(command.definition))
    if wanted == desk.category_settings.get(wanted.path):
        return []
    _check_settings(wanted, desk)
    branches = [wanted.path[: depth + 1] for depth in range(len(wanted.path))]
    added = [CategoryAdded(path=branch) for branch in branches if branch not in desk.categories]
    return [*added, CategorySet(settings=wanted, **command.reasons)]


@decides(RetireCategory, needs=Permission.WORKSPACE_EDIT)
def retire_category(command: RetireCategory, desk: Catalogue, _: Catalogue) -> Decision:
    """Tickets that are there stay."""
    if command.path not in desk.categories:
        raise InvalidInput(field="path", reason="no such category; see /api/v1/categories.")
    known = desk.category_settings.get(command.path)
    if known is not None and known.retired:
        return []
    return [CategoryRetired(path=command.path, **command.reasons)]


def _check_settings(settings: Settings, desk: Catalogue) -> None:
    """Raise unless all that is named is there and in use."""
    for team in (*settings.teams, *filter(None, [settings.team])):
        desk.team(team)
    for person in settings.people:
        desk.person(person)
    if settings.template is not None:
        desk.usable_template(settings.template)
    if settings.workflow is not None:
        desk.usable_workflow(settings.workflow)


@evolves(TypeSet)
def _(desk: Catalogue, event: TypeSet) -> Catalogue:
    return replace(desk, types={**desk.types, event.type.key: event.type})


@evolves(TypeRetired)
def _(desk: Catalogue, event: TypeRetired) -> Catalogue:
    retired = desk.types[event.key].model_copy(update={"retired": True})
    return replace(desk, types={**desk.types, event.key: retired})


@evolves(CategorySet)
def _(desk: Catalogue, event: CategorySet) -> Catalogue:
    return replace(desk, category_settings={**desk.category_settings, event.settings.path: event.settings})


@evolves(CategoryRetired)
def _(desk: Catalogue, event: CategoryRetired) -> Catalogue:
    known = desk.category_settings.get(event.path) or CategorySettings(path=event.path)
    retired = known.model_copy(update={"retired": True})
    return replace(desk, category_settings={**desk.category_settings, event.path: retired})

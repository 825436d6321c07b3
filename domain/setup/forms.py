"""Setting up custom fields and the templates made of them (B2, B3). A changed form is a new version; tickets keep theirs."""

from dataclasses import replace
from typing import Any

from pydantic import Field

from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.conditions import depends_on, leaves
from domain.conditions.model import values
from domain.field_values import Known, Option
from domain.forms import (
    CUSTOM,
    MOST_FIELDS,
    CustomField,
    FieldDefinition,
    InvalidForm,
    Template,
    Use,
    binds_alike,
    order,
)
from domain.permissions import Permission
from domain.setup.uses import must_be_unused
from domain.setup.workflows import with_newer_forms
from domain.values import Key, Line
from domain.workspace import ReasonedCommand, ReasonedEvent

# Operators whose values are whole options, not pieces of text.
_OF_OPTIONS = {"is", "is_not", "is_any_of", "is_none_of", "has_any", "has_none", "has_all", "has_not_all"}


class FieldSet(ReasonedEvent, name="workspace.field_set", version=1):
    """A custom field is as this says."""

    field: CustomField


class FieldRetired(ReasonedEvent, name="workspace.field_retired", version=1):
    """The field takes no new values; those that tickets have stay."""

    key: str


class TemplateSet(ReasonedEvent, name="workspace.template_set", version=1):
    """New tickets are filled in with this version; those that are there keep theirs."""

    template: Template


class TemplateRetired(ReasonedEvent, name="workspace.template_retired", version=1):
    """No ticket begins with this form any more."""

    key: str


class SetField(ReasonedCommand):
    """Set up a custom field, or change it. An option that is left out is retired: tickets may have it."""

    key: Key
    definition: FieldDefinition


class RetireField(ReasonedCommand):
    """Take no more values for the field."""

    key: Key


class SetTemplate(ReasonedCommand):
    """Set up a form, or change it: a new version."""

    key: Key
    title: Line
    uses: tuple[Use, ...] = Field(min_length=1, max_length=MOST_FIELDS)


class RetireTemplate(ReasonedCommand):
    """Let no more tickets begin with the form."""

    key: Key


@decides(SetField, needs=Permission.WORKSPACE_EDIT)
def set_field(command: SetField, desk: Catalogue, _: Catalogue) -> Decision:
    """Its kind stays what it was; forms that it changes get a new version, and so do the workflows with these forms."""
    known = desk.fields.get(command.key)
    wanted = CustomField(key=command.key, **dict(command.definition))
    if known is not None:
        if known.kind is not wanted.kind:
            raise InvalidForm(key=known.key, reason=f"is of kind {known.kind} for ever; set up another field")
        wanted = wanted.model_copy(update={"options": _kept(known.options, wanted.options)})
    elif len(desk.fields) >= MOST_FIELDS:
        raise InvalidForm(key=command.key, reason=f"would be one too many: a workspace has {MOST_FIELDS} fields")
    if wanted == known:
        return []
    fields = {**desk.fields, wanted.key: wanted}
    wanted.check(Known(command.at, desk.works_here))
    _check_conditions(tuple(fields.values()), fields)
    _check_options(wanted, fields)
    return [FieldSet(field=wanted, **command.reasons), *_newer_templates(desk, fields, wanted.key, command.reasons)]


def _kept(before: tuple[Option, ...], wanted: tuple[Option, ...]) -> tuple[Option, ...]:
    named = {option.id for option in wanted}
    left_out = (option.model_copy(update={"retired": True}) for option in before if option.id not in named)
    return (*wanted, *left_out)


def _check_conditions(form: tuple[CustomField, ...], known: dict[str, CustomField]) -> None:
    """Raise InvalidForm for a field that is shown by something else than custom fields, or by itself."""
    for field in form:
        if field.visible_if is None:
            continue
        for name in sorted(depends_on(field.visible_if)):
            if not name.startswith(CUSTOM) or name.removeprefix(CUSTOM) not in known:
                reason = f"can be shown depending on custom fields of the workspace, which {name} is not"
                raise InvalidForm(key=field.key, reason=reason)
    order(form)


def _check_options(wanted: CustomField, known: dict[str, CustomField]) -> None:
    """Raise InvalidForm for a field that would never be shown: its condition waits for an option that there is not."""
    for leaf in leaves(wanted.visible_if) if wanted.visible_if is not None else ():
        options = {option.id for option in known[leaf.field.removeprefix(CUSTOM)].options}
        missing = [str(value) for value in values(leaf) if isinstance(value, str) and value not in options]
        if options and missing and leaf.op in _OF_OPTIONS:
            ids = ", ".join(sorted(options)[:20])
            reason = f"waits for «{missing[0][:60]}», which is no option of {leaf.field}; there are {ids}"
            raise InvalidForm(key=wanted.key, reason=reason)


def _newer_templates(desk: Catalogue, fields: dict[str, CustomField], key: str, reasons: dict[str, Any]) -> Decision:
    changed = []
    for *_, newest in desk.templates.values():
        if newest.retired or all(each.key != key for each in newest.fields):
            continue
        resolved = _resolved(newest.uses, fields)
        if not all(map(binds_alike, resolved, newest.fields)):
            _check_conditions(resolved, fields)
            changed.append(newest.model_copy(update={"version": newest.version + 1, "fields": resolved}))
    events: Decision = [TemplateSet(template=each, **reasons) for each in changed]
    return [*events, *with_newer_forms(desk, {each.key for each in changed}, reasons)]


def _resolved(uses: tuple[Use, ...], fields: dict[str, CustomField]) -> tuple[CustomField, ...]:
    return tuple(use.of(fields[use.key]) for use in uses)


@decides(RetireField, needs=Permission.WORKSPACE_EDIT)
def retire_field(command: RetireField, desk: Catalogue, _: Catalogue) -> Decision:
    """Not while a form uses it."""
    if desk.custom_field(command.key).retired:
        return []
    must_be_unused(desk, "field", command.key)
    return [FieldRetired(key=command.key, **command.reasons)]


@decides(SetTemplate, needs=Permission.WORKSPACE_EDIT)
def set_template(command: SetTemplate, desk: Catalogue, _: Catalogue) -> Decision:
    """The same again changes nothing; workflows with this form get a new version too."""
    keys = [use.key for use in command.uses]
    if len(keys) != len(set(keys)):
        raise InvalidForm(key=command.key, reason="uses a field twice")
    if retired := [key for key in keys if desk.custom_field(key).retired]:
        raise InvalidForm(key=retired[0], reason="is no longer in use; set it again, or leave it out")
    resolved = _resolved(command.uses, dict(desk.fields))
    for field in resolved:
        field.check(Known(command.at, desk.works_here))
    _check_conditions(resolved, dict(desk.fields))
    versions = desk.templates.get(command.key, ())
    wanted = Template(
        key=command.key, version=len(versions) + 1, title=command.title, uses=command.uses, fields=resolved
    )
    if versions and versions[-1] == wanted.model_copy(update={"version": len(versions)}):
        return []
    changed = {command.key} if versions else set()
    return [TemplateSet(template=wanted, **command.reasons), *with_newer_forms(desk, changed, command.reasons)]


@decides(RetireTemplate, needs=Permission.WORKSPACE_EDIT)
def retire_template(command: RetireTemplate, desk: Catalogue, _: Catalogue) -> Decision:
    """Not while a type, a category or a workflow uses it."""
    if desk.template(command.key).retired:
        return []
    must_be_unused(desk, "template", command.key)
    return [TemplateRetired(key=command.key, **command.reasons)]


@evolves(FieldSet)
def _(desk: Catalogue, event: FieldSet) -> Catalogue:
    return replace(desk, fields={**desk.fields, event.field.key: event.field})


@evolves(FieldRetired)
def _(desk: Catalogue, event: FieldRetired) -> Catalogue:
    retired = desk.fields[event.key].model_copy(update={"retired": True})
    return replace(desk, fields={**desk.fields, event.key: retired})


@evolves(TemplateSet)
def _(desk: Catalogue, event: TemplateSet) -> Catalogue:
    key = event.template.key
    return replace(desk, templates={**desk.templates, key: (*desk.templates.get(key, ()), event.template)})


@evolves(TemplateRetired)
def _(desk: Catalogue, event: TemplateRetired) -> Catalogue:
    *before, last = desk.templates[event.key]
    retired = last.model_copy(update={"retired": True})
    return replace(desk, templates={**desk.templates, event.key: (*before, retired)})

"""Custom fields, and the forms that are made of them: what a value must be, and when it is asked for (B2, B3, B12)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from typing import Any, Self

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Limited

from domain.conditions import Condition, Context, depends_on, evaluate
from domain.errors import Refusal
from domain.field_values import (
    CHOICES,
    MEASURED,
    WRITTEN,
    FieldKind,
    Finite,
    Known,
    Option,
    chosen,
    matches,
    measure,
    plain,
    readable,
    unit,
)
from domain.values import FieldValue, Flag, Key, Line, same_value

MOST_FIELDS = 200
MOST_OPTIONS = 1000
OFF_FORM = "is not on this form"
# How a condition names a custom field.
CUSTOM = "fields."


class InvalidField(Refusal):
    """Values of custom fields that cannot be taken; `errors` names every one of them."""

    code = "invalid_field"
    status = 422
    sentence = "The field {field} {reason}. Every field that is wrong is in `errors`."

    def __init__(self, *, errors: list[dict[str, str]] | None = None, **fields: object) -> None:
        self.wrong = errors or []
        super().__init__(**fields)


class InvalidForm(Refusal):
    """A field or a template that no ticket could be filled in with."""

    code = "invalid_form"
    status = 422
    sentence = "«{key}» {reason}."


class FieldDefinition(BaseModel):
    """A custom field as it is set up. `min` and `max` limit amounts, characters or choices; `internal` is for agents only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Line
    kind: FieldKind
    hint: Line | None = None
    required: Flag = False
    default: FieldValue = None
    min: Finite | None = None
    max: Finite | None = None
    pattern: str | None = Limited(default=None, max_length=200)
    internal: Flag = False
    options: tuple[Option, ...] = Limited(default=(), max_length=MOST_OPTIONS)
    visible_if: Condition | None = None


class CustomField(FieldDefinition):
    """A custom field of the workspace, by its key."""

    key: Key
    retired: bool = False

    def cleaned(self, value: Any, known: Known) -> Any:
        """The value as it is stored; ValueError saying what is allowed."""
        clean = chosen(self.kind, value, self.options) if self.kind in CHOICES else plain(self.kind, value, known)
        if self.kind in MEASURED:
            self._check_size(clean)
        if self.pattern is not None and not matches(self.pattern, clean):
            raise ValueError(f"must match the pattern {self.pattern}")
        return clean

    def filled_in(self, known: Known) -> Any:
        """The default as it is stored; None where it would be refused by now, as an option that was retired since."""
        try:
            return None if self.default is None else self.cleaned(self.default, known)
        except ValueError:
            return None

    def _check_size(self, value: Any) -> None:
        size, counted = measure(value), unit(self.kind)
        if self.min is not None and size < Decimal(str(self.min)):
            raise ValueError(f"must be at least {self.min:g}{counted}")
        if self.max is not None and size > Decimal(str(self.max)):
            raise ValueError(f"must be at most {self.max:g}{counted}")

    def check(self, known: Known) -> None:
        """Raise InvalidForm where nothing could be filled in."""
        for wrong, reason in self._mistakes():
            if wrong:
                raise InvalidForm(key=self.key, reason=reason)
        try:
            if self.default is not None:
                self.cleaned(self.default, known)
        except ValueError as error:
            raise InvalidForm(key=self.key, reason=f"has a default that it would refuse: it {error}") from None

    def _mistakes(self) -> Iterable[tuple[bool, str]]:
        sized = self.min is not None or self.max is not None
        yield sized and self.kind not in MEASURED, f"cannot have min or max, being of kind {self.kind}"
        yield self.min is not None and self.max is not None and self.min > self.max, "has a min above its max"
        yield (
            self.pattern is not None and self.kind not in WRITTEN,
            f"cannot have a pattern, being of kind {self.kind}",
        )
        yield self.pattern is not None and not readable(self.pattern), "has a pattern that is no regular expression"
        yield bool(self.options) != (self.kind in CHOICES), "needs options where it is a choice, and none where not"
        ids = [option.id for option in self.options]
        yield len(ids) != len(set(ids)), "has two options of one id"
        yield self.kind is not FieldKind.CASCADE and any(o.parent for o in self.options), "is no cascade: no parents"
        yield not _is_tree(self.options), "has an option whose parent is missing or below itself"


def _is_tree(options: tuple[Option, ...]) -> bool:
    parents = {option.id: option.parent for option in options}
    for option in options:
        above, steps = option.parent, 0
        while above is not None and steps <= len(parents):
            if above not in parents:
                return False
            above, steps = parents[above], steps + 1
        if above is not None:
            return False
    return True


class Use(BaseModel):
    """A field on a template; what is given here counts instead of the field's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Key
    required: Flag | None = None
    default: FieldValue = None
    visible_if: Condition | None = None

    def of(self, field: CustomField) -> CustomField:
        """The field as this template has it."""
        given = {
            name: value for name in ("required", "default", "visible_if") if (value := getattr(self, name)) is not None
        }
        return field.model_copy(update=given)


class Template(BaseModel):
    """One version of a form (工单模板), with its fields as they were then, so that old tickets keep theirs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Key
    version: int
    title: Line
    uses: tuple[Use, ...]
    fields: tuple[CustomField, ...]
    retired: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """The fields that a ticket may have. `asked` are those to be filled in now; `free` takes any further key as it is."""

    fields: Mapping[str, CustomField]
    asked: frozenset[str] = frozenset()
    free: bool = False

    @classmethod
    def of(cls, fields: Iterable[CustomField], *, asked: Iterable[CustomField] = ()) -> Self:
        """A form of these fields and no others; those asked for are among them."""
        wanted = list(asked)
        return cls({field.key: field for field in [*fields, *wanted]}, frozenset(field.key for field in wanted))

    def check(
        self,
        values: Mapping[str, Any],
        present: Mapping[str, Any],
        known: Known,
        *,
        by_requester: bool = False,
        submitting: bool = False,
    ) -> dict[str, Any]:
        """The changes as they are stored, None for what is taken away, or InvalidField naming all that is wrong.

        Values of hidden fields are taken away, whatever they are; defaults and required fields count when submitting.
        """
        cleaned, wrong = self._cleaned(values, present, known, by_requester=by_requester)
        after = {key: value for key, value in {**present, **cleaned}.items() if value is not None}
        if submitting:
            fresh = self.asked - after.keys() - cleaned.keys() - wrong.keys()
            defaults = {key: self.fields[key].filled_in(known) for key in sorted(fresh)}
            after |= {key: value for key, value in defaults.items() if value is not None}
        visible = self._visible(after, known)
        # Nobody sees a hidden field to put it right. Of what a requester may not know, not even whether it is hidden is told.
        wrong = {key: reason for key, reason in wrong.items() if key in visible or reason == OFF_FORM}
        if submitting:
            wrong |= self._missing(after.keys() | wrong.keys(), visible, by_requester=by_requester)
        if wrong:
            refuse(wrong)
        after = {key: value for key, value in after.items() if key in visible or key not in self.fields}
        changed = {key for key in [*present, *after] if not same_value(after.get(key), present.get(key))}
        return {key: after.get(key) for key in [*cleaned, *sorted(changed - cleaned.keys())]}

    def _cleaned(
        self, values: Mapping[str, Any], present: Mapping[str, Any], known: Known, *, by_requester: bool
    ) -> tuple[dict[str, Any], dict[str, str]]:
        cleaned: dict[str, Any] = {}
        wrong: dict[str, str] = {}
        for key, value in values.items():
            field = self.fields.get(key)
            if field is not None and field.internal and by_requester:
                wrong[key] = OFF_FORM
            elif value is None or same_value(value, present.get(key)) or (field is None and self.free):
                cleaned[key] = value  # what is there already may have been allowed once
            elif field is None:
                wrong[key] = OFF_FORM
            elif field.retired:
                wrong[key] = "is no longer in use"
            else:
                try:
                    cleaned[key] = field.cleaned(value, known)
                except ValueError as error:
                    wrong[key] = str(error)
        return cleaned, wrong

    def _visible(self, values: Mapping[str, Any], known: Known) -> frozenset[str]:
        """The fields that are shown with these values; a hidden one counts as empty for those that depend on it."""
        seen = dict(values)
        visible = set(self.fields)
        context = Context(now=known.at)
        for key in order(self.fields.values()):
            condition = self.fields[key].visible_if
            if condition is not None and not evaluate(condition, {"fields": seen}, context):
                visible.discard(key)
                seen.pop(key, None)
        return frozenset(visible)

    def _missing(self, given: Iterable[str], visible: frozenset[str], *, by_requester: bool) -> dict[str, str]:
        due = (self.fields[key] for key in self.asked & visible - frozenset(given))
        return {f.key: "must be filled in" for f in due if f.required and not (f.internal and by_requester)}


def refuse(wrong: Mapping[str, str]) -> None:
    """Raise InvalidField for all of these."""
    first = min(wrong)
    errors = [{"field": key, "reason": reason} for key, reason in sorted(wrong.items())]
    raise InvalidField(field=first, reason=wrong[first], errors=errors)


def order(fields: Iterable[CustomField]) -> list[str]:
    """The keys of fields with a condition, each after those that it depends on; InvalidForm where they form a ring."""
    conditional = {field.key: depends_on(field.visible_if) for field in fields if field.visible_if is not None}
    asked = {key: {name.removeprefix(CUSTOM) for name in names} for key, names in conditional.items()}
    try:
        ordered = list(TopologicalSorter(asked).static_order())
    except CycleError as error:
        ring = error.args[1]
        raise InvalidForm(key=ring[0], reason=f"is shown depending on itself, by way of {', '.join(ring)}") from None
    return [key for key in ordered if key in asked]


def as_known_now(field: CustomField, now: CustomField | None) -> CustomField:
    """A field of an old form with the words that are used today: what it takes stays as it was (B12)."""
    if now is None or now == field:
        return field
    titles = {option.id: option.title for option in now.options}
    options = tuple(o.model_copy(update={"title": titles.get(o.id, o.title)}) for o in field.options)
    return field.model_copy(update={"title": now.title, "hint": now.hint, "internal": now.internal, "options": options})


def binds_alike(one: CustomField, other: CustomField) -> bool:
    """Whether both take the same values under the same conditions, whatever they are called."""
    return one == as_known_now(other, one)

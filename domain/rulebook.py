"""What a workspace has set up for its tickets: custom fields, forms, workflows, types and categories."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any, TypeVar
from uuid import UUID

from domain.classification import CategorySettings, Handling, RetiredCategory, Settings, TicketType, UnknownType
from domain.errors import Refusal
from domain.forms import CustomField, Form, Template, as_known_now
from domain.rules.rule import Rule
from domain.values import Pinned
from domain.workflows import Workflow

# Types with categories of which it is remembered what their tickets get: those that are asked for may be any.
MOST_HANDLED = 1_000


class UnknownSetup(Refusal):
    """Nothing of that kind and key is set up."""

    code = "unknown_setup"
    status = 404
    sentence = "No {what} «{key}» in this workspace. There are: {known}."


class RetiredSetup(Refusal):
    """It is there for old tickets only."""

    code = "retired_setup"
    status = 422
    sentence = "The {what} «{key}» is no longer in use. Set it again first, or choose another."


@dataclass(frozen=True)
class Rulebook:
    """The part of the catalogue that says what a ticket is made of and which way it goes. Of templates, workflows and rules all versions."""

    fields: Mapping[str, CustomField] = field(default_factory=dict)
    templates: Mapping[str, tuple[Template, ...]] = field(default_factory=dict)
    workflows: Mapping[str, tuple[Workflow, ...]] = field(default_factory=dict)
    types: Mapping[str, TicketType] = field(default_factory=dict)
    category_settings: Mapping[tuple[str, ...], CategorySettings] = field(default_factory=dict)
    rules: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    rule_order: tuple[str, ...] = ()

    def custom_field(self, key: str) -> CustomField:
        """The custom field of that key, or UnknownSetup."""
        return _found("field", key, self.fields)

    def rule(self, key: str) -> Rule:
        """The newest version of the rule, or UnknownSetup."""
        return _found("rule", key, self.rules)[-1]

    def rules_in_order(self, kind: str) -> list[Rule]:
        """The rules of that kind that act, in the order in which they do."""
        return [rule for key in self.rule_order if (rule := self.rules[key][-1]).kind == kind and not rule.retired]

    def rule_of(self, rule_id: UUID, version: int | None = None) -> Rule | None:
        """That version of a rule, or its newest one, by its id."""
        named: dict[UUID, tuple[Rule, ...]]
        named = self.derived("rules", lambda: {versions[0].rule_id: versions for versions in self.rules.values()})
        versions = named.get(rule_id, ())
        return next((each for each in reversed(versions) if version in (None, each.version)), None)

    def derived(self, name: str, make: Callable[[], Any]) -> Any:
        """What follows from what is set up, worked out once."""
        if name not in self._derived:
            self._derived[name] = make()
        return self._derived[name]

    @cached_property
    def _derived(self) -> dict[str, Any]:
        return {}

    def template(self, key: str) -> Template:
        """The newest version of the form, or UnknownSetup."""
        return _found("template", key, self.templates)[-1]

    def workflow(self, key: str) -> Workflow:
        """The newest version of the workflow, or UnknownSetup."""
        return _found("workflow", key, self.workflows)[-1]

    def usable_template(self, key: str) -> Template:
        """The newest version of a form that tickets may still begin with."""
        return _usable(self.template(key), "template")

    def usable_workflow(self, key: str) -> Workflow:
        """The newest version of a workflow that tickets may still begin."""
        return _usable(self.workflow(key), "workflow")

    def ticket_type(self, key: str) -> TicketType:
        """The type of that key, or UnknownSetup."""
        return _found("type", key, self.types)

    def check_filing(self, type_: str | None, category: tuple[str, ...]) -> None:
        """Raise UnknownType or RetiredCategory where no ticket can be filed; without types any is taken."""
        if type_ is not None and self.types and (type_ not in self.types or self.types[type_].retired):
            live = (key for key, each in self.types.items() if not each.retired)
            raise UnknownType(type=type_, types=", ".join(live) or "none: all are retired")
        for branch in _branches(category):
            if branch in self.category_settings and self.category_settings[branch].retired:
                raise RetiredCategory(category=" / ".join(branch))

    def settings_for(self, type_: str | None, category: tuple[str, ...]) -> Handling:
        """What a ticket of that type and category gets."""
        asked = type_, category
        if asked not in self._handled:
            if len(self._handled) >= MOST_HANDLED:
                self._handled.clear()
            self._handled[asked] = Handling.of(chain(self._of_category(category), self._of_type(type_)))
        return self._handled[asked]

    def pinned_for(self, type_: str | None, category: tuple[str, ...]) -> tuple[Pinned | None, Pinned | None]:
        """The newest form and workflow for a ticket of that type and category."""
        chosen = self.settings_for(type_, category)
        template = self.templates[chosen.template][-1] if chosen.template else None
        workflow = self.workflows[chosen.workflow][-1] if chosen.workflow else None
        return _pin(template), _pin(workflow)

    def template_of(self, pinned: Pinned | None) -> Template | None:
        """That version of the form."""
        return self.templates[pinned.key][pinned.version - 1] if pinned else None

    def workflow_of(self, pinned: Pinned | None) -> Workflow | None:
        """That version of the workflow."""
        return self.workflows[pinned.key][pinned.version - 1] if pinned else None

    def form_of(self, *pinned: Pinned | None, asked: Pinned | None = None) -> Form:
        """The form made of these versions; `asked` is the one to be filled in now. Without any, what the workspace defines."""
        if not any(pinned) and asked is None:
            return Form(self.fields, free=True)
        key = (*pinned, asked)
        if key not in self._made:
            self._made[key] = Form.of(chain.from_iterable(map(self._fields_of, pinned)), asked=self._fields_of(asked))
        return self._made[key]

    @cached_property
    def _handled(self) -> dict[tuple[str | None, tuple[str, ...]], Handling]:
        # Opening a ticket asks four times, and most tickets are of few types and categories.
        return {}

    @cached_property
    def _made(self) -> dict[tuple[Pinned | None, ...], Form]:
        # A bulk action asks for the same form once for each of its tickets.
        return {}

    @property
    def internal_fields(self) -> frozenset[str]:
        """The keys of the custom fields that requesters neither see nor set."""
        return frozenset(key for key, each in self.fields.items() if each.internal)

    def public(self, values: Any) -> Any:
        """The values of custom fields as a requester may see them."""
        if not isinstance(values, dict):
            return values
        hidden = self.internal_fields
        return {key: value for key, value in values.items() if key not in hidden}

    def _fields_of(self, pinned: Pinned | None) -> Iterable[CustomField]:
        template = self.template_of(pinned)
        return [as_known_now(each, self.fields.get(each.key)) for each in template.fields] if template else []

    def _of_category(self, category: tuple[str, ...]) -> Iterable[Settings]:
        found = (self.category_settings.get(branch) for branch in reversed(list(_branches(category))))
        return (each for each in found if each is not None)

    def _of_type(self, type_: str | None) -> Iterable[Settings]:
        seen: set[str] = set()
        while type_ is not None and type_ in self.types and type_ not in seen:
            seen.add(type_)
            yield self.types[type_]
            type_ = self.types[type_].parent


def _branches(path: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    return (path[:depth] for depth in range(1, len(path) + 1))


def _pin(version: Template | Workflow | None) -> Pinned | None:
    return None if version is None or version.retired else Pinned(key=version.key, version=version.version)


F = TypeVar("F")
V = TypeVar("V", Template, Workflow)


def _usable(version: V, what: str) -> V:
    if version.retired:
        raise RetiredSetup(what=what, key=version.key)
    return version


def _found(what: str, key: str, known: Mapping[str, F]) -> F:
    try:
        return known[key]
    except KeyError:
        raise UnknownSetup(what=what, key=key, known=", ".join(sorted(known)[:20]) or "none yet") from None

"""What is in use is not retired: first it is taken out where it is used."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from domain.catalogue import Catalogue
from domain.conditions import depends_on
from domain.errors import Refusal
from domain.forms import CUSTOM, CustomField
from domain.rules.rule import Rule
from domain.staff import Team


class StillInUse(Refusal):
    """Something else that is set up relies on it."""

    code = "still_in_use"
    sentence = "The {what} «{key}» is still used by {users}. Take it out there first."


def must_be_unused(desk: Catalogue, what: str, key: str) -> None:
    """Raise StillInUse, naming who uses the field, template, workflow, type or calendar of that key."""
    own = {"field": _users_of_field, "calendar": _users_of_calendar}.get(what)
    users = own(desk, key) if own else _users(desk, what, key)
    _must_be_none(what, key, [*users, *rules_with(desk, what, key)])


def must_be_free_of_rules(desk: Catalogue, what: str, key: str) -> None:
    """Raise StillInUse where a rule does something with the macro, canned reply or status of that key."""
    _must_be_none(what, key, rules_with(desk, what, key))


def must_get_no_tickets(desk: Catalogue, team: Team) -> None:
    """Raise StillInUse where tickets are given to the team by what is set up."""
    _must_be_none("team", team.name, _givers(desk, team.id))


def _givers(desk: Catalogue, team: UUID) -> Iterator[str]:
    yield from _users(desk, "team", team)
    yield from _workflows_through(desk, team)
    yield from rules_with(desk, "team", str(team))
    for policy in desk.policies_in_order:
        if any(step.team == team for step in policy.ladder):
            yield f"the policy «{policy.key}»"


def _users_of_calendar(desk: Catalogue, key: str) -> Iterator[str]:
    yield from (f"the policy «{policy.key}»" for policy in desk.policies_in_order if policy.calendar == key)
    yield from (f"the team «{desk.teams[team].name}»" for team, own in desk.team_calendars.items() if own == key)
    for *_, rule in desk.rules.values():
        if not rule.retired and rule.timing is not None and rule.timing.calendar == key:
            yield f"the rule «{rule.title}»"
    if desk.default_calendar == key:
        yield "the desk"


def _must_be_none(what: str, key: str, users: Iterable[str]) -> None:
    if named := list(users)[:10]:
        raise StillInUse(what=what, key=key, users=", ".join(named))


def rules_with(desk: Catalogue, what: str, key: str) -> Iterator[str]:
    """The rules that act and need the macro, canned reply, status, field or team of that key, as people call them."""
    for *_, newest in desk.rules.values():
        if not newest.retired and any(key in _named(effect, what) for effect in _effects(newest, desk)):
            yield f"the rule «{newest.title}»"


def _effects(rule: Rule, desk: Catalogue) -> Iterator[dict[str, Any]]:
    """What it does, and what the macros do that it runs."""
    for effect in rule.then:
        yield effect
        if effect["do"] == "run_macro":
            yield from desk.macros[effect["macro"]].actions


def _named(effect: dict[str, Any], what: str) -> tuple[Any, ...]:
    """The things of that sort that the effect needs."""
    if what == "team":
        to = effect.get("to") or {}
        return (to.get("team"), *to.get("teams", ()), effect.get("team"))
    if what == "canned reply":
        return (effect.get("reply"), *effect.get("by_language", {}).values())
    return (effect.get(what),)


def _users(desk: Catalogue, what: str, key: object) -> Iterable[str]:
    slot = "parent" if what == "type" else what
    for each in desk.types.values():
        if not each.retired and getattr(each, slot) == key:
            yield f"the type «{each.key}»"
    if what == "type":
        return
    for settings in desk.category_settings.values():
        if not settings.retired and getattr(settings, slot) == key:
            yield f"the category {' / '.join(settings.path)}"
    if what == "template":
        yield from _workflows_with(desk, str(key))


def _workflows_with(desk: Catalogue, template: str) -> Iterator[str]:
    for *_, newest in desk.workflows.values():
        if not newest.retired and any(pinned.key == template for pinned in newest.templates):
            yield f"the workflow «{newest.key}»"


def _workflows_through(desk: Catalogue, team: UUID) -> Iterator[str]:
    for *_, newest in desk.workflows.values():
        if not newest.retired and any(node.participants.team == team for node in newest.nodes):
            yield f"the workflow «{newest.key}»"


def _users_of_field(desk: Catalogue, key: str) -> Iterator[str]:
    for field in desk.fields.values():
        if not field.retired and _is_shown_by(field, key):
            yield f"the field «{field.key}»"
    for *_, newest in desk.templates.values():
        if not newest.retired and any(each.key == key or _is_shown_by(each, key) for each in newest.fields):
            yield f"the template «{newest.key}»"


def _is_shown_by(field: CustomField, key: str) -> bool:
    return field.visible_if is not None and CUSTOM + key in depends_on(field.visible_if)

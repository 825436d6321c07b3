"""Sets up macros, one click for several actions, and canned replies with variables (B9)."""

from dataclasses import replace
from typing import Annotated, Any

from pydantic import AfterValidator

from domain.actions import ACTIONS, Action, Actions
from domain.catalogue import Catalogue
from domain.command import Decision, decides, evolves
from domain.errors import Refusal
from domain.event import Event
from domain.granting import must_be_allowed
from domain.macros import CannedReply, Macro, Template, checked, texts
from domain.permissions import Permission
from domain.setup.entrusting import must_be_able, must_reach_everything
from domain.setup.uses import must_be_free_of_rules, rules_with
from domain.values import Key, Line
from domain.workspace import ReasonedCommand, ReasonedEvent, WorkspaceCommand


class UnknownMacro(Refusal):
    """The workspace has no macro of that key in use."""

    code = "unknown_macro"
    status = 404
    sentence = "No macro «{macro}» in this workspace. List them at /api/v1/macros."


class UnknownCannedReply(Refusal):
    """The workspace has no canned reply of that key in use."""

    code = "unknown_canned_reply"
    status = 404
    sentence = "No canned reply «{reply}» in this workspace. List them at /api/v1/canned-replies."


class MacroSet(ReasonedEvent, name="workspace.macro_set", version=1):
    """A macro is as this says."""

    key: str
    title: str
    actions: tuple[dict[str, Any], ...]


class MacroRetired(ReasonedEvent, name="workspace.macro_retired", version=1):
    """A macro is offered no longer."""

    key: str


class CannedReplySet(Event, name="workspace.canned_reply_set", version=1):
    """A canned reply is as this says."""

    key: str
    title: str
    body: str


class CannedReplyRetired(Event, name="workspace.canned_reply_retired", version=1):
    """A canned reply is offered no longer."""

    key: str


def _texts_checked(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    for text in texts(ACTIONS.dump_python(actions, mode="json")):
        checked(text)
    return actions


MacroActions = Annotated[Actions, AfterValidator(_texts_checked)]


class SetMacro(ReasonedCommand):
    """Make a macro, or change it; a retired one is in use again."""

    key: Key
    title: Line
    actions: MacroActions


class RetireMacro(ReasonedCommand):
    """Offer the macro no longer."""

    key: Key


class SetCannedReply(WorkspaceCommand):
    """Make a canned reply, or change it; a retired one is in use again."""

    key: Key
    title: Line
    body: Template


class RetireCannedReply(WorkspaceCommand):
    """Offer the canned reply no longer."""

    key: Key


@decides(SetMacro, needs=Permission.RULE_EDIT)
def set_macro(command: SetMacro, desk: Catalogue, _: Catalogue) -> Decision:
    """No change, no event. What rules run, they do from now on: that is as if the rules were changed."""
    wanted = Macro(command.key, command.title, tuple(ACTIONS.dump_python(command.actions, mode="json")))
    if desk.macros.get(command.key) == wanted:
        return []
    if any(rules_with(desk, "macro", command.key)):
        must_reach_everything(command, desk, Permission.RULE_EDIT)
        for action in command.actions:
            must_be_able(command, action, desk)
    return [MacroSet(key=wanted.key, title=wanted.title, actions=wanted.actions, **command.reasons)]


@decides(RetireMacro, needs=Permission.RULE_EDIT)
def retire_macro(command: RetireMacro, desk: Catalogue, _: Catalogue) -> Decision:
    """Again changes nothing; not while a rule needs it."""
    if command.key not in desk.macros:
        raise UnknownMacro(macro=command.key)
    if not desk.macros[command.key].active:
        return []
    must_be_free_of_rules(desk, "macro", command.key)
    return [MacroRetired(key=command.key, **command.reasons)]


@decides(SetCannedReply, needs=Permission.RULE_EDIT)
def set_reply(command: SetCannedReply, desk: Catalogue, _: Catalogue) -> Decision:
    """No change, no event."""
    if desk.canned_replies.get(command.key) == CannedReply(command.key, command.title, command.body):
        return []
    if any(rules_with(desk, "canned reply", command.key)):
        must_reach_everything(command, desk, Permission.RULE_EDIT)
        must_be_allowed(command, Permission.TICKET_REPLY, desk)
    return [CannedReplySet(key=command.key, title=command.title, body=command.body)]


@decides(RetireCannedReply, needs=Permission.RULE_EDIT)
def retire_reply(command: RetireCannedReply, desk: Catalogue, _: Catalogue) -> Decision:
    """Again changes nothing; not while a rule needs it."""
    if command.key not in desk.canned_replies:
        raise UnknownCannedReply(reply=command.key)
    if not desk.canned_replies[command.key].active:
        return []
    must_be_free_of_rules(desk, "canned reply", command.key)
    return [CannedReplyRetired(key=command.key)]


def macro(desk: Catalogue, key: str) -> Macro:
    """The macro in use of that key, or UnknownMacro."""
    found = desk.macros.get(key)
    if found is None or not found.active:
        raise UnknownMacro(macro=key)
    return found


def canned_reply(desk: Catalogue, key: str) -> CannedReply:
    """The canned reply in use of that key, or UnknownCannedReply."""
    found = desk.canned_replies.get(key)
    if found is None or not found.active:
        raise UnknownCannedReply(reply=key)
    return found


@evolves(MacroSet)
def _(desk: Catalogue, event: MacroSet) -> Catalogue:
    return replace(desk, macros={**desk.macros, event.key: Macro(event.key, event.title, event.actions)})


@evolves(MacroRetired)
def _(desk: Catalogue, event: MacroRetired) -> Catalogue:
    return replace(desk, macros={**desk.macros, event.key: replace(desk.macros[event.key], active=False)})


@evolves(CannedReplySet)
def _(desk: Catalogue, event: CannedReplySet) -> Catalogue:
    reply = CannedReply(event.key, event.title, event.body)
    return replace(desk, canned_replies={**desk.canned_replies, event.key: reply})


@evolves(CannedReplyRetired)
def _(desk: Catalogue, event: CannedReplyRetired) -> Catalogue:
    retired = replace(desk.canned_replies[event.key], active=False)
    return replace(desk, canned_replies={**desk.canned_replies, event.key: retired})

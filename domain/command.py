"""Commands: what somebody wants, with who, when and how it may be repeated."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidatorFunctionWrapHandler, WrapValidator

from domain.errors import LedgerdeskError
from domain.event import Actor, Event
from domain.permissions import Permission
from domain.values import Moment


def _as_granted(permissions: object, validate: ValidatorFunctionWrapHandler) -> object:
    # What was granted has been looked at when it was; to look at each right again costs more than most decisions.
    return permissions if isinstance(permissions, frozenset) else validate(permissions)


class Command(BaseModel):
    """The common part of every command. `expected_version` is the version that the author saw, if any."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    workspace_id: UUID
    by: Actor
    at: Moment
    command_id: UUID
    channel: str = "api"
    expected_version: int | None = None
    on_behalf_of: Actor | None = None
    correlation_id: UUID | None = None
    causation_id: UUID | None = None
    rule_id: UUID | None = None
    rule_version: int | None = None
    # All that the credential allows whoever it is of; None where it sets no bounds.
    within: Annotated[frozenset[Permission] | None, WrapValidator(_as_granted)] = None

    AGGREGATE: ClassVar[str] = ""
    # Whether what it leads to has to do with content: else it can be decided where that stays closed.
    READS_CONTENT: ClassVar[bool] = True

    @property
    def stream_id(self) -> UUID:
        """The stream that this command is decided on."""
        return self.workspace_id

    @property
    def author(self) -> Actor:
        """Whom its events name as the actor."""
        return self.by


# What a content key must not depend on: who repeats a command, and when, is not what it asks for.
CONTEXT_FIELDS = frozenset(Command.model_fields)

Decision = list[Event]
C = TypeVar("C", bound=Command)
S = TypeVar("S")
Decide = Callable[[Any, Any, Any], Decision]
Evolve = Callable[[Any, Any], Any]

DECIDERS: dict[type[Command], tuple[Decide, Permission]] = {}
EVOLVERS: dict[type[Event], Evolve] = {}


class UndecidableCommand(LedgerdeskError):
    """A command class that no function decides: a mistake in the code."""

    code = "undecidable_command"
    sentence = "Nothing decides the command {command}."


def decides(command: type[Command], *, needs: Permission) -> Callable[[Decide], Decide]:
    """Register the function that decides a command, and the permission that it needs."""

    def register(function: Decide) -> Decide:
        DECIDERS[command] = (function, needs)
        return function

    return register


def evolves(event: type[Event]) -> Callable[[Evolve], Evolve]:
    """Register the function that folds an event into the state."""

    def register(function: Evolve) -> Evolve:
        EVOLVERS[event] = function
        return function

    return register


def evolve(state: Any, event: Event) -> Any:
    """The state after the event; an event that no decision depends on leaves it as it is."""
    fold = EVOLVERS.get(type(event))
    return fold(state, event) if fold else state


def decider(command: Command) -> tuple[Decide, Permission]:
    """The deciding function and the permission that it needs."""
    try:
        return DECIDERS[type(command)]
    except KeyError:
        raise UndecidableCommand(command=type(command).__name__) from None

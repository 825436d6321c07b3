"""Events: frozen facts in the past tense, known by a stable name and a version."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import core_schema

from domain.errors import LedgerdeskError

T = TypeVar("T")


class Erased:
    """The value of a content field whose key was destroyed. There is one: ERASED."""

    def __str__(self) -> str:
        return "[erased]"

    __repr__ = __str__

    def __bool__(self) -> bool:
        return False

    def __copy__(self) -> "Erased":
        return self

    def __deepcopy__(self, _: object) -> "Erased":
        return self

    def __reduce__(self) -> str:
        return "ERASED"

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        instance = core_schema.is_instance_schema(cls)
        from_null = core_schema.no_info_plain_validator_function(_erased)
        to_null = core_schema.plain_serializer_function_ser_schema(lambda _: None, when_used="json")
        return core_schema.json_or_python_schema(from_null, instance, serialization=to_null)

    @classmethod
    def __get_pydantic_json_schema__(cls, _: core_schema.CoreSchema, __: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "null", "description": "Erased: the key of this content was destroyed."}


ERASED = Erased()


def _erased(value: Any) -> Erased:
    if value is not None:
        raise ValueError("only null stands for what was erased")
    return ERASED


class _ContentMark:
    """Marks a field that is stored encrypted under its subject's key."""


class _SecretMark(_ContentMark):
    """Marks content that no reader of the log is shown: only who decides, and who is let see it by name, has it."""


Content = Annotated[T | Erased, _ContentMark()]
Secret = Annotated[T | Erased, _SecretMark()]


class UnnamedEvent(LedgerdeskError):
    """An event class without a name, or two with the same: a mistake in the code."""

    code = "unnamed_event"
    sentence = "Event class {event} needs a name of its own."


EVENTS: dict[str, type["Event"]] = {}


def of_ticket(name: str) -> bool:
    """Whether an event of that name happens to a ticket."""
    return name.startswith("ticket.")


class Event(BaseModel):
    """A fact. Subclasses give `name=` (stable, stored) and `version=` (raised with an upcaster)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    NAME: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1
    CONTENT: ClassVar[frozenset[str]] = frozenset()
    SECRETS: ClassVar[frozenset[str]] = frozenset()
    CREATES_SUBJECT: ClassVar[bool] = False
    # Looking at something does not change it, nor does time going by.
    CHANGES: ClassVar[bool] = True

    def __init_subclass__(cls, **_: Any) -> None:
        """Class arguments are for `__pydantic_init_subclass__`, which runs once the fields are known."""
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(cls, *, name: str = "", version: int = 1, creates: bool = False, **_: Any) -> None:
        if not name:
            return
        if name in EVENTS:
            raise UnnamedEvent(event=cls.__qualname__)
        cls.NAME, cls.VERSION, cls.CREATES_SUBJECT = name, version, creates
        cls.CONTENT, cls.SECRETS = cls._marked(_ContentMark), cls._marked(_SecretMark)
        EVENTS[name] = cls

    @classmethod
    def _marked(cls, mark: type) -> frozenset[str]:
        fields = cls.model_fields.items()
        return frozenset(name for name, info in fields if any(isinstance(each, mark) for each in info.metadata))

    def subject(self, stream_id: UUID, /) -> UUID:
        """Whose key protects the content: by default the stream's own."""
        return stream_id


class UnknownEvent(Event):
    """An event that this code does not know: a newer release wrote it. Readers pass over it."""

    unknown_name: str
    unknown_version: int
    data: dict[str, Any]


class Actor(BaseModel):
    """Who did it. `kind`: person, requester, system, rule or api_key."""

    model_config = ConfigDict(frozen=True)

    kind: str
    id: str

    @property
    def trusted(self) -> bool:
        """Whether it is the desk itself that acts: the system for operators, or a rule as it was set. Never asked for permissions."""
        return self.kind in ("system", "rule")


# The channel of what another system's history told: it happened elsewhere, long ago, and nobody is to be told or answered now.
TOLD = "import"

SYSTEM = Actor(kind="system", id="ledgerdesk")
# Whoever did what another system tells without saying who.
UNKNOWN = Actor(kind="system", id="unknown")


class Metadata(NamedTuple):
    """The envelope of an event: who, when, from where, on whose behalf, and because of what."""

    event_id: UUID
    workspace_id: UUID
    occurred_at: datetime
    actor: Actor
    channel: str
    correlation_id: UUID
    command_id: UUID
    causation_id: UUID | None = None
    on_behalf_of: Actor | None = None
    rule_id: UUID | None = None
    rule_version: int | None = None

    @property
    def doer(self) -> Actor:
        """Whose doing it was, whoever carried it out."""
        return self.on_behalf_of or self.actor


E = TypeVar("E", bound=Event)


class Recorded(NamedTuple, Generic[E]):
    """An event as the log has it. `position` is its place in the whole log, `version` in its stream."""

    position: int
    stream_id: UUID
    version: int
    recorded_at: datetime
    metadata: Metadata
    event: E

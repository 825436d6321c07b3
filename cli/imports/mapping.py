"""What another desk's words mean here: states and priorities, with a table that a mapping file can override."""

import json
import re
import tomllib
import zlib
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.catalogue import Status
from domain.errors import LedgerdeskError
from domain.values import Key, Line, Priority, StatusKind
from domain.wording import first
from domain.workspace import DEFAULT_STATUSES

DEFAULTS = {key: Status(key, title, kind) for key, title, kind in DEFAULT_STATUSES}

# ServiceNow's incident states, as its log spells them.
STATES = {
    "new": DEFAULTS["new"],
    "active": DEFAULTS["open"],
    "awaiting user info": Status("awaiting-user-info", "Awaiting User Info", StatusKind.PENDING),
    "awaiting vendor": Status("awaiting-vendor", "Awaiting Vendor", StatusKind.PENDING),
    "awaiting problem": Status("awaiting-problem", "Awaiting Problem", StatusKind.PENDING),
    "awaiting evidence": Status("awaiting-evidence", "Awaiting Evidence", StatusKind.PENDING),
    "awaiting change": Status("awaiting-change", "Awaiting Change", StatusKind.PENDING),
    "resolved": DEFAULTS["resolved"],
    "closed": DEFAULTS["closed"],
}
PRIORITIES = {
    "1 - critical": Priority.URGENT,
    "2 - high": Priority.HIGH,
    "3 - moderate": Priority.NORMAL,
    "4 - low": Priority.LOW,
    "5 - planning": Priority.LOW,
}
# Words of states by what they say; the first that matches decides, so what takes work up again comes before its end.
_HINTS = (
    (StatusKind.OPEN, r"\b(re-?open\w*|unresolved|not (resolved|solved|closed|fixed|done)|重新打开)"),
    (StatusKind.PENDING, r"await|wait|pending|\bhold\b|suspend|paus|postpone|blocked|vendor|supplier|等待|挂起|待"),
    (StatusKind.CLOSED, r"clos|cancel|reject|withdrawn|archiv|duplicate|关闭|取消"),
    (StatusKind.RESOLVED, r"resol|solved|fixed|complete|\bdone\b|finish|解决|完成"),
    (StatusKind.NEW, r"\bnew\b|creat|draft|submitt|register|logged|received|queued|新"),
    (StatusKind.OPEN, r"activ|open|progress|work|assign|accept|escalat|investigat|triag|处理|进行"),
)


class UnusableMapping(LedgerdeskError):
    """A mapping file that cannot be read or says something that does not exist here."""

    code = "unusable_mapping"
    sentence = "{file}: {reason}"
    misuse = True


class MappedStatus(BaseModel):
    """A status of the operator's own."""

    model_config = ConfigDict(extra="forbid")

    key: Key
    title: Line
    kind: StatusKind


class Mapping(BaseModel):
    """A mapping file: `columns` names in the file → ours, `states` → a status, a kind or a table, `priorities`."""

    model_config = ConfigDict(extra="forbid")

    columns: dict[str, str] = Field(default_factory=dict)
    states: dict[str, MappedStatus | str] = Field(default_factory=dict)
    priorities: dict[str, Priority] = Field(default_factory=dict)

    @classmethod
    def load(cls, path: Path | None) -> "Mapping":
        """Read TOML or JSON, by the file's ending; UnusableMapping says what is wrong and where."""
        if path is None:
            return cls()
        try:
            text = path.read_text(encoding="utf-8-sig")
            mapping = cls.model_validate(json.loads(text) if path.suffix == ".json" else tomllib.loads(text))
            for name, wanted in mapping.states.items():
                _mapped(name, wanted)
        except ValidationError as error:
            where, reason = first(error)
            raise UnusableMapping(file=path, reason=f"{where}: {reason}.") from None
        except OSError as error:
            raise UnusableMapping(file=path, reason=f"cannot be read ({error.strerror}).") from None
        except ValueError as error:
            raise UnusableMapping(file=path, reason=f"{error}.") from None
        return mapping


def _mapped(name: str, wanted: MappedStatus | str) -> Status:
    if isinstance(wanted, MappedStatus):
        return Status(wanted.key, wanted.title, wanted.kind)
    known = DEFAULTS | {status.key: status for status in STATES.values()}
    if wanted in known:
        return known[wanted]
    if wanted in set(StatusKind):
        return Status(status_key(name), name, StatusKind(wanted))
    raise ValueError(f"states.{name}: «{wanted}» is neither a status ({', '.join(known)}) nor a kind")


class States:
    """The status of each state of the file; what no table knows gets a status of the nearest kind, and is kept as unknown."""

    def __init__(self, mapping: Mapping, known: dict[str, Status], context: Callable[[str], StatusKind | None]) -> None:
        told = {_folded(name): _mapped(name, wanted) for name, wanted in mapping.states.items()}
        defaults = {_folded(s.name): s for s in DEFAULTS.values()} | {_folded(s.key): s for s in DEFAULTS.values()}
        self._statuses = defaults | STATES | told
        self._known, self._context = known, context
        self.unknown: dict[str, Status] = {}

    def status(self, state: str) -> Status:
        """The status that the state means here."""
        folded = _folded(state)
        if folded not in self._statuses:
            self._statuses[folded] = self.unknown[state] = self._nearest(state)
        return self._statuses[folded]

    def knows(self, state: str) -> bool:
        """Whether a table or the mapping file names it."""
        return _folded(state) in self._statuses

    def _nearest(self, state: str) -> Status:
        key = status_key(state)
        if key in self._known:
            return self._known[key]
        kind = kind_by_words(state) or self._context(state) or StatusKind.OPEN
        return Status(key, state, kind)


def kind_by_words(state: str) -> StatusKind | None:
    """The kind that a state's own words suggest, also when they are misspelt; None when they say nothing."""
    folded = _folded(state)
    for kind, pattern in _HINTS:
        if re.search(pattern, folded):
            return kind
    close = get_close_matches(folded, STATES, n=1, cutoff=0.7)
    return STATES[close[0]].kind if close else None


def status_key(state: str) -> str:
    """A key made of the state's letters and digits."""
    slug = re.sub(r"[^a-z0-9]+", "-", _folded(state)).strip("-")[:50]
    return slug if slug and slug.isascii() else f"state-{zlib.crc32(state.encode()):08x}"


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())

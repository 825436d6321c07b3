"""Reads tickets as they are, set-wise; opened only for who looks inside."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial, reduce
from itertools import chain
from typing import Any, NamedTuple, cast
from uuid import UUID

from psycopg import Cursor

from domain.aggregates import INITIAL, evolve
from domain.event import Erased
from domain.happening import Situation
from domain.ticket.state import Ticket
from eventstore.codec import StoredRow, decode, event_of
from eventstore.feed import withheld
from eventstore.keyring import ContentKey, Keyring
from eventstore.loading import read_keys, rows_before
from eventstore.streams import Loaded
from processors.present import Present
from processors.witness import Seen

Keys = Mapping[UUID, ContentKey | Erased]


class Found(NamedTuple):
    """`loaded` is its stream where decisions may rest on what was read of it: if it is `closed`, such as read no content."""

    present: Present
    loaded: Loaded | None
    closed: bool


def presents(
    db: Cursor[Any], keyring: Keyring, workspaces: Mapping[UUID, UUID], closed: Collection[UUID]
) -> dict[UUID, Found]:
    """The tickets, given with their workspaces, as they are now; what was never opened is not there.

    Of those who are `closed` no key is read, and their content reads as erased.
    """
    found = rows_before(db, workspaces)
    opening = {ticket: of for ticket, of in workspaces.items() if ticket not in closed}
    keys = read_keys(db, keyring, opening, chain.from_iterable(found[ticket] for ticket in opening))
    every = {ticket: _opened(rows, keys) if ticket in opening else _closed(rows) for ticket, rows in found.items()}
    return {ticket: one for ticket, one in every.items() if one is not None}


def _opened(rows: Sequence[StoredRow], keys: Keys) -> Found | None:
    events = [decode(row, keys) for row in rows]
    seen = Seen().after(map(withheld, events))
    if (situation := seen.situation) is None:
        return None
    own = {who: keys[who] for who in {rows[0].originator_id} if who in keys}
    has_secrets = any(recorded.event.SECRETS for recorded in events)
    loaded = None if has_secrets else Loaded(seen.ticket, rows[-1].originator_version, own)
    return Found(Present.of(situation), loaded, closed=False)


def _closed(rows: Sequence[StoredRow]) -> Found | None:
    ticket: Ticket = reduce(evolve, (event_of(row, None) for row in rows), INITIAL["ticket"])
    if not ticket.opened:
        return None
    return Found(Present(ticket, partial(_situation, rows)), Loaded(ticket, rows[-1].originator_version), closed=True)


def _situation(rows: Sequence[StoredRow]) -> Situation:
    return cast("Situation", Seen().after(decode(row, None) for row in rows).situation)

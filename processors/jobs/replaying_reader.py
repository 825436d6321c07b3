"""Reads tickets for a backtest in a process of its own: it takes a processor whole, and others' work must not wait for it.

`python -m processors.jobs.replaying_reader` takes JSON Lines: where the database is and what is tested, then a list of
tickets a line. It answers each list with one line: [{ticket, acts}]. It ends with its input.
"""

import base64
import gc
import json
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Cursor
from pydantic_core import to_json

from domain.backtest.story import Found, Span, without_words
from eventstore.keyring import Keyring
from eventstore.loading import BY_KEY
from eventstore.reading import bind
from processors.jobs.backtests import BacktestAsked
from processors.rereading import Rereading

# A page's events are many objects without a cycle among them; looking for one after each would take as long as the work.
_OBJECTS = 200_000


def main() -> None:
    """Answer line by line."""
    gc.set_threshold(_OBJECTS, 20, 100)
    lines = map(json.loads, sys.stdin.buffer)
    given = next(lines)
    with psycopg.connect(given["address"], autocommit=True) as db, db.cursor() as cursor:
        bind(cursor, UUID(given["workspace"]))
        cursor.execute(BY_KEY)
        for answer in _answers(cursor, given, lines):
            sys.stdout.buffer.write(answer + b"\n")
            sys.stdout.buffer.flush()


def _answers(db: Cursor[Any], given: dict[str, Any], pages: Iterator[list[str]]) -> Iterator[bytes]:
    keyring = Keyring(*map(base64.b64decode, given["masters"]))
    asked = BacktestAsked.model_validate(given["asked"])
    # Of the time to come nothing is known.
    span = Span(asked.since, min(asked.until, datetime.fromisoformat(given["now"])))
    replay = Rereading(db, keyring, UUID(given["workspace"]), asked.tested, span)
    for page in pages:
        told = replay.of(map(UUID, page))
        yield to_json([{"ticket": each.ticket_id, "acts": shown(each.found)} for each in told])


def shown(found: Iterable[Found]) -> list[dict[str, Any]]:
    """As the job keeps it: structure, no word that was or would be written."""
    return [_act(each) for each in found]


def _act(found: Found) -> dict[str, Any]:
    place: dict[str, Any] = {"at": found.at, "version": found.version}
    if found.fact is not None:
        return place | {"fact": found.fact.kind, "measure": found.fact.measure, "step": found.fact.step}
    if found.refusal is None:
        return place | {"actions": without_words(found.actions)}
    which: dict[str, Any] = {name: found.refusal.fields.get(name) for name in ("action", "do")}
    return place | {"refusal": found.refusal.code} | which


if __name__ == "__main__":
    main()

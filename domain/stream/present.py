"""What a ticket is now, as other services are told it: one message a ticket, replaced by the next."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from domain.event import Event, Recorded
from domain.stream.telling import Told, attributes
from domain.streaming import Shown
from domain.ticket.row import Row

PRESENT = "ticket.present.v1"
# Which ticket, and how far: everything else may be unknown to an older message.
ALWAYS = ("workspace_id", "ticket_id", "number", "version", "position")
PRESENT_CONTENT = {"title": Shown.TITLE, "fields": Shown.FIELDS}
_ROW: TypeAdapter[Row] = TypeAdapter(Row)


def tell_present(row: Row, last: Recorded[Event], shown: Collection[Shown] | None = None) -> Told:
    """The ticket after `last`; content of kinds that are not shown is null. An erased ticket is told by no message at all."""
    shut: dict[str, Any] = {
        name: None for name, needed in PRESENT_CONTENT.items() if shown is not None and needed not in shown
    }
    found = attributes(last)
    # Beside the event's own message, which has the same id.
    present = {"source": f"{found['source']}/tickets", "type": PRESENT}
    return Told(found | present | ({"closed": True} if shut else {}), _ROW.dump_json(replace(row, **shut)))

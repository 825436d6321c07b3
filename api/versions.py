"""Versions over HTTP: ETag and If-Match (A23)."""

import re
from typing import Any
from uuid import UUID

from api.services import Services
from domain.errors import InvalidInput
from domain.event import EVENTS, Actor
from projections.ticket_timeline import PUBLIC

_ETAG = re.compile(r'(?:W/)?"(\d{1,18})"')
SINCE = (
    "SELECT originator_version, topic FROM log.stored_events WHERE workspace_id = %s AND originator_id = %s "
    "AND originator_version > %s AND (%s::text[] IS NULL OR topic = ANY(%s)) ORDER BY originator_version LIMIT 100"
)
# What a requester is told of.
_PUBLIC = [name for name, event in EVENTS.items() if issubclass(event, PUBLIC)]


def etag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def expected_version(if_match: str | None) -> int | None:
    """The version that the caller saw; None where they do not care."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ETAG.fullmatch(if_match.strip())
    if found is None:
        raise InvalidInput(field="If-Match", reason='must be one ETag as it was answered, for example "3"')
    return int(found[1])


async def what_happened_since(
    here: Services, by: Actor, workspace: UUID, stream: UUID, seen: int | None
) -> list[dict[str, Any]]:
    """Version and name of the stream's events that whoever asks has not seen and may see, at most 100."""
    told = _PUBLIC if by.kind == "requester" else None
    asked = [workspace, stream, seen, told, told]
    async with here.desk.streams.bound(workspace) as db:
        rows = await (await db.execute(SINCE, asked)).fetchall()
    return [{"version": version, "event": name} for version, name in rows]

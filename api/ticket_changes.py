"""What every route that changes a ticket has in common."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Path, Response

from api.answers import CHANGES, TicketChanged, changed, documented
from api.attachments import files, owner
from api.auth import Caller
from api.problems import problems
from domain.errors import CommandIdReused, LedgerdeskError, VersionConflict
from domain.ticket.commands import TicketCommand
from domain.ticket.state import TicketErasedForEver, TicketMergedAway, UnknownTicket
from domain.values import Attachment, Number

TicketNumber = Annotated[Number, Path(examples=["1001"])]


def changes(*errors: type[LedgerdeskError]) -> dict[str, Any]:
    """What a route that changes a ticket answers, and what it may refuse beside the errors that all of them have."""
    everywhere = (UnknownTicket, TicketErasedForEver, TicketMergedAway, VersionConflict, CommandIdReused)
    return {
        "response_model": TicketChanged,
        "openapi_extra": CHANGES,
        "responses": documented() | problems(*everywhere, *errors),
    }


async def done(me: Caller, command: TicketCommand) -> Response:
    """The answer to the command, once it is recorded."""
    return changed(await me.execute(command), number=command.number)


def uploaded(me: Caller, tokens: Sequence[str]) -> tuple[Attachment, ...]:
    """The caller's own uploads, or UploadInvalid."""
    return files(me.request).uploaded(owner(me), tokens) if tokens else ()

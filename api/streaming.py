"""What the stream to other services may show of the workspace's tickets (J2)."""

from fastapi import Response
from pydantic import BaseModel, Field

from api import routing
from api.answers import CHANGES, Changed, changed, documented
from api.auth import Caller, needs
from api.problems import problems
from api.setup_bodies import Reasons
from api.workspace import catalogue_now
from domain.errors import CommandIdReused, VersionConflict
from domain.permissions import Permission
from domain.setup.streaming import SetStream
from domain.streaming import Shown

router = routing.router("stream")


class StreamView(BaseModel):
    """What the stream shows of tickets."""

    shown: list[Shown]


class StreamBody(Reasons):
    """All kinds of content that the stream may show; none where it is empty."""

    shown: tuple[Shown, ...] = Field(max_length=len(Shown))


@router.get("/stream")
async def read_stream(response: Response, me: Caller = needs(Permission.WORKSPACE_VIEW)) -> StreamView:
    """What of tickets is in the stream to other services in clear; customers and confidential text never are."""
    return StreamView(shown=list((await catalogue_now(me, response)).streamed))


@router.put(
    "/stream",
    response_model=Changed,
    openapi_extra=CHANGES,
    responses=documented() | problems(VersionConflict, CommandIdReused),
)
async def set_stream(body: StreamBody, me: Caller = needs(Permission.ACCESS_EDIT)) -> Response:
    """Say what may be shown from now on; what was sent stays with who has it."""
    return changed(await me.execute(SetStream(**me.context(), **dict(body))))

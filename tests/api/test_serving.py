"""What handlers want is taken from requests as FastAPI takes it, and refused alike."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, Body, Cookie, Depends, FastAPI, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from api.application import Application
from api.middleware import Surroundings
from api.problems import NotFound, install
from api.routing import Addresses
from api.serving import Route
from domain.errors import LedgerdeskError


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    colour: tuple[Colour, ...] = ()
    team: UUID | None = None
    limit: int = Field(default=50, ge=1, le=200)
    everywhere: bool = False


class Said(BaseModel):
    model_config = ConfigDict(extra="forbid")

    body: str = Field(min_length=1)
    tags: list[str] = []
    sure: bool | None = None


class Told(BaseModel):
    said: str
    times: int = 1


async def counted(request: Request, at_least: Annotated[int | None, Query(ge=0)] = None) -> int:
    return len(request.headers.getlist("x-n")) + (at_least or 0)


def plain(hue: Annotated[list[Colour] | None, Query()] = None) -> list[Colour]:
    return hue or []


def _routes(router):
    @router.get("/page")
    def page(asked: Annotated[Asked, Query()], count: int = Depends(counted)) -> Response:
        return Response(f"{asked!r} {count}")

    @router.get("/things/{number}/{colour}", dependencies=[Depends(counted)])
    async def thing(
        number: int,
        colour: Colour,
        word: Annotated[str, Query(min_length=2, max_length=5)],
        several: Annotated[list[int], Query()] = (),
        last: Annotated[UUID | None, Header(alias="Last-Id")] = None,
        colours: list[Colour] = Depends(plain),
    ) -> Response:
        return Response(f"{number!r} {colour!r} {word!r} {several!r} {last!r} {colours!r}")

    @router.post("/said", status_code=201)
    async def say(body: Said, response: Response) -> Told:
        response.headers["ETag"] = '"3"'
        return Told(said=body.body)

    @router.put("/maybe")
    async def maybe(body: Annotated[Said | None, Body()] = None) -> Told | Said:
        return body or Told(said="nothing")

    @router.get("/refused")
    async def refuse() -> Response:
        raise NotFound()

    @router.get("/mistaken")
    async def mistake() -> Response:
        raise ZeroDivisionError

    @router.get("/ours")
    async def ours() -> Response:
        raise LedgerdeskError()

    return router


@pytest.fixture(scope="module")
def apps():
    ours = Application(Addresses(_routes(APIRouter(route_class=Route)).routes), 10_000, openapi_url=None)
    theirs = FastAPI(openapi_url=None)
    theirs.add_middleware(Surroundings, body_limit=10_000)
    install(theirs)
    theirs.router.routes.insert(0, Addresses(_routes(APIRouter()).routes))
    return [ours, theirs]


JSON = {"content-type": "application/json"}
REQUESTS = [
    ("GET", "/page", {}),
    ("GET", "/page?colour=red&colour=blue&limit=7&team=8d3ee599-3341-464f-a2c7-05182c06bc1a&everywhere=yes", {}),
    ("GET", "/page?limit=7&limit=8&everywhere=1", {"headers": [("x-n", "1"), ("x-n", "2")]}),
    ("GET", "/page?limit=0&colour=green&nothing=1&nothing=2&team=", {}),
    ("GET", "/page?limit=&at_least=-1", {}),
    ("GET", "/page?at_least=2&at_least=5", {}),
    ("GET", "/page?at_least=2&also=%ff", {}),
    ("GET", "/things/3/red?word=abc", {}),
    ("GET", "/things/3/red", {}),
    ("GET", "/things/x/green?word=a&several=1&several=y&at_least=z&hue=mauve", {}),
    ("GET", "/things/3/blue?word=abc&several=1&several=2&hue=red", {"headers": {"last-id": str(UUID(int=5))}}),
    ("GET", "/things/3/blue?word=abcdef&word=abc", {"headers": {"last-id": "nobody"}}),
    ("POST", "/said", {"json": {"body": "hello", "tags": ["a"], "sure": None}}),
    ("POST", "/said", {"json": {"body": "", "tags": "a", "more": 1}}),
    ("POST", "/said", {"content": b"{", "headers": JSON}),
    ("POST", "/said", {"content": b"\xff\xfe\x00", "headers": JSON}),
    ("POST", "/said", {"content": b"[" * 9_000, "headers": JSON}),
    ("POST", "/said", {"content": b"null", "headers": JSON}),
    ("POST", "/said", {"content": b'"text"', "headers": JSON}),
    ("POST", "/said", {"headers": JSON}),
    ("POST", "/said", {"content": b"body=hello", "headers": {"content-type": "text/plain"}}),
    ("PUT", "/maybe", {}),
    ("PUT", "/maybe", {"json": {"body": "hello"}}),
    ("PUT", "/maybe", {"content": b"null", "headers": JSON}),
    ("PUT", "/maybe", {"json": 3}),
    ("DELETE", "/maybe", {}),
    ("GET", "/nowhere", {}),
    ("GET", "/refused", {}),
    ("GET", "/mistaken", {}),
    ("GET", "/ours", {}),
]


@pytest.mark.parametrize(("method", "path", "more"), REQUESTS)
async def test_a_request_is_answered_as_fastapi_answers_it(apps, method, path, more):
    answers = []
    for app in apps:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as client:
            answer = await client.request(method, path, **more)
        del answer.headers["x-request-id"]
        answers.append((answer.status_code, sorted(answer.headers.multi_items()), answer.text))
    assert answers[0] == answers[1]


def _scope(method, path, *headers):
    return {
        "type": "http",
        "method": method,
        "path": path,
        "headers": headers,
        "query_string": b"",
        "asgi": {"spec_version": "2.4"},
    }


async def test_an_answer_that_has_begun_is_cut_off():
    async def half():
        yield b"half"
        raise NotFound()

    router = APIRouter(route_class=Route)

    @router.get("/half")
    async def begin() -> Response:
        return StreamingResponse(half())

    sent = []

    async def send(message):
        sent.append(message["type"])

    async def receive():
        return {"type": "http.request", "body": b""}

    with pytest.raises(NotFound):
        await Application(Addresses(router.routes), 10_000)(_scope("GET", "/half"), receive, send)
    assert sent == ["http.response.start", "http.response.body"]


async def test_a_body_may_come_in_pieces():
    pieces = [b'{"body": "hel', b'lo"}']
    sent = []

    async def receive():
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message):
        sent.append(message)

    scope = _scope("POST", "/said", (b"content-type", b"application/json"), (b"content-length", b"17"))
    await Application(Addresses(_routes(APIRouter(route_class=Route)).routes), 10_000)(scope, receive, send)
    assert (sent[0]["status"], sent[1]["body"]) == (201, b'{"said":"hello","times":1}')


async def cookie(taste: Annotated[str, Cookie()]) -> Response:
    return Response(taste)


async def leftover():
    yield 3


async def deeper(there: int = Depends(counted)) -> int:
    return there


async def saying(body: Said) -> str:
    return body.body


async def cleaned(there: int = Depends(leftover)) -> Response:
    return Response(str(there))


async def nested(there: int = Depends(deeper)) -> Response:
    return Response(str(there))


async def two(one: Said, other: Said) -> Response:
    return Response(one.body + other.body)


async def said_elsewhere(body: str = Depends(saying)) -> Response:
    return Response(body)


@pytest.mark.parametrize(
    ("handler", "what"),
    [
        (cookie, "cookie_params"),
        (cleaned, "what is left to do after it"),
        (nested, "dependencies of a dependency"),
        (two, "several bodies"),
        (said_elsewhere, "a body in a dependency"),
    ],
)
def test_a_handler_that_wants_what_is_not_known_is_refused_when_it_is_made(handler, what):
    with pytest.raises(TypeError, match=what):
        APIRouter(route_class=Route).post("/")(handler)

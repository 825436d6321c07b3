"""Handlers served without finding out at each request what follows from them alone.

FastAPI walks through all that a handler depends on, and looks at the type of every parameter, each time that it is called: as
much work as answering many a read. Here that is done once, when the route is made; what requests are answered stays the same,
refusals too. A handler that wants what is not known here is refused when it is made.
"""

import inspect
import json
from collections.abc import Awaitable, Callable
from functools import partial
from operator import attrgetter
from typing import Any, get_args, get_origin

import anyio.to_thread
from fastapi import Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError, ResponseValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

Values = dict[str, Any]
# What is wrong with a request, as pydantic tells it.
Errors = list[Any]
_LISTS = (list, tuple, set, frozenset)
_UNKNOWN = (
    "cookie_params",
    "background_tasks_param_name",
    "security_scopes_param_name",
    "http_connection_param_name",
    "websocket_param_name",
)
_NOTHING = object()


class Route(APIRoute):
    """A route of our routers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app = _Served(self)


class _Served:
    """Takes from a request what the handler wants, calls it, and sends what it answers."""

    def __init__(self, route: APIRoute) -> None:
        own = route.dependant
        _refuse(own, depth=1)
        self._before, self._own = [_Wants(each) for each in own.dependencies], _Wants(own)
        self._body = _Parameter(own.body_params[0], ("body",)) if own.body_params else None
        self._told, self._field, self._status = own.response_param_name, route.response_field, route.status_code or 200
        # A plain handler reads the database; what handlers depend on, if plain, only puts together what is there.
        self._in_thread = not inspect.iscoroutinefunction(own.call)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive, send)
        # As FastAPI does: what is no JSON is refused before anybody is asked who they are.
        body = await _read(receive) if self._body else _NOTHING
        values, errors = await self._asked(request)
        self._own.take(request, values, errors)
        if self._body:
            self._body.check(body, values, errors)
        if errors:
            raise RequestValidationError(errors)
        response = await self._answered(values)
        await response(scope, receive, send)

    async def _asked(self, request: Request) -> tuple[Values, Errors]:
        """What the handler depends on."""
        values, errors = Values(), Errors()
        for wants in self._before:
            theirs, wrong = Values(), Errors()
            wants.take(request, theirs, wrong)
            errors += wrong
            found = None if wrong else wants.call(**theirs)
            if isinstance(found, Awaitable):
                found = await found
            if wants.name:
                values[wants.name] = found
        return values, errors

    async def _answered(self, values: Values) -> Response:
        told = Response() if self._told else None
        if self._told:
            values[self._told] = told
        if self._in_thread:
            answer = await anyio.to_thread.run_sync(partial(self._own.call, **values))
        else:
            answer = await self._own.call(**values)
        return answer if isinstance(answer, Response) else self._written(answer, told)

    def _written(self, answer: Any, told: Response | None) -> Response:
        """An answer of the route's model, with the headers that the handler told."""
        assert self._field is not None  # noqa: S101 - FastAPI makes one of what the handler returns
        value, wrong = self._field.validate(answer, {}, loc=("response",))
        if wrong:
            raise ResponseValidationError(errors=wrong, body=answer)
        response = Response(self._field.serialize_json(value), self._status, media_type="application/json")
        if told is not None:
            response.headers.raw.extend(each for each in told.headers.raw if each[0] != b"content-length")
        return response


def _refuse(dependant: Dependant, depth: int) -> None:
    """Say at the start what a handler, or what it depends on, wants and would not be given."""
    unknown = [name for name in _UNKNOWN if getattr(dependant, name)]
    if inspect.isgeneratorfunction(dependant.call) or inspect.isasyncgenfunction(dependant.call):
        unknown.append("what is left to do after it")
    if dependant.dependencies and not depth:
        unknown.append("dependencies of a dependency")
    if dependant.body_params and not depth:
        unknown.append("a body in a dependency")
    if len(dependant.body_params) > 1:
        unknown.append("several bodies")
    if unknown:
        raise TypeError(f"{dependant.call} asks for {unknown[0]}, which `api/serving.py` does not know")
    for each in dependant.dependencies:
        _refuse(each, depth - 1)


class _Wants:
    """What a function wants to know of a request."""

    def __init__(self, dependant: Dependant) -> None:
        assert dependant.call is not None  # noqa: S101 - whoever depends on something names it
        self.call: Callable[..., Any] = dependant.call
        self.name, self._request = dependant.name, dependant.request_param_name
        fields = {
            "path": dependant.path_params,
            "query": dependant.query_params,
            "header": dependant.header_params,
        }
        self._from = [
            (_RECEIVED[place], [_parameter(field, place) for field in found])
            for place, found in fields.items()
            if found
        ]

    def take(self, request: Request, values: Values, errors: Errors) -> None:
        """Put what it wants among the values, and what is wrong with it among the errors."""
        if self._request:
            values[self._request] = request
        for received, parameters in self._from:
            found = received(request)
            for parameter in parameters:
                parameter.check(parameter.of(found), values, errors)


_RECEIVED = {"path": attrgetter("path_params"), "query": attrgetter("query_params"), "header": attrgetter("headers")}


class _Parameter:
    """One value of a request."""

    def __init__(self, field: Any, place: tuple[str, ...]) -> None:
        self._name, self._alias, self._place = field.name, field.validation_alias or field.alias, place
        self._validate, self._several = field.validate, _is_list(field.field_info.annotation)
        self._required, self._default = field.field_info.is_required(), field.field_info.default
        # Whoever changed it would change it for all.
        hash(self._default)

    def of(self, received: Any) -> Any:
        """What was sent for it, not yet validated."""
        if self._several:
            return received.getlist(self._alias) or _NOTHING
        return received.get(self._alias, _NOTHING)

    def check(self, sent: Any, values: Values, errors: Errors) -> None:
        """Put its value among the values, or what is wrong with it among the errors."""
        if sent is not _NOTHING:
            value, wrong = self._validate(sent, loc=self._place)
            errors += wrong
            values[self._name] = value
        elif self._required:
            errors.append({"type": "missing", "loc": self._place, "msg": "Field required", "input": None})
        else:
            values[self._name] = self._default


class _Model(_Parameter):
    """All of a query, as a model has it."""

    def __init__(self, field: Any, model: type[BaseModel]) -> None:
        super().__init__(field, ("query",))
        self._fields = {name: _is_list(info.annotation) for name, info in model.model_fields.items()}

    def of(self, received: QueryParams) -> Any:
        """By name; what the model has once is the last that was sent, and what it does not have it refuses."""
        sent: dict[str, list[str]] = {}
        for name, value in received.multi_items():
            sent.setdefault(name, []).append(value)
        return {name: found if self._fields.get(name, len(found) > 1) else found[-1] for name, found in sent.items()}


def _parameter(field: Any, place: str) -> _Parameter:
    annotation = field.field_info.annotation
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return _Model(field, annotation)
    return _Parameter(field, (place, field.validation_alias or field.alias))


def _is_list(annotation: Any) -> bool:
    """Whether it takes several values, also where it may be left out."""
    return (
        get_origin(annotation) in _LISTS
        or annotation in _LISTS
        or any(get_origin(each) in _LISTS for each in get_args(annotation))
    )


async def _read(receive: Receive) -> Any:
    """The JSON of a body; that it is called JSON was looked at before."""
    try:
        body = await _received(receive)
        return json.loads(body) if body else _NOTHING
    except json.JSONDecodeError as error:
        raise RequestValidationError(
            [{"type": "json_invalid", "loc": ("body", error.pos), "msg": error.msg}]
        ) from error
    except HTTPException:
        raise
    except Exception as error:
        raise HTTPException(400) from error


async def _received(receive: Receive) -> bytes:
    """All of a body; most come in one piece."""
    pieces: list[bytes] = []
    while (message := await receive())["type"] == "http.request":
        pieces.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(pieces)
    raise ClientDisconnect()

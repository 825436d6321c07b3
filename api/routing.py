"""How routers are made: every address begins alike, and an operation is named for its handler."""

from collections.abc import Callable, Iterator
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import Match
from starlette.types import Scope

PREFIX = "/api/v1"


class Route(APIRoute):
    """One that is passed over at a glance where the address ends otherwise: a request asks all those before its own."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self._end = path.rpartition("}")[2]

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether the request is for this route."""
        return super().matches(scope) if scope["path"].endswith(self._end) else (Match.NONE, {})


def router(tag: str) -> APIRouter:
    """A router for one resource."""
    return APIRouter(prefix=PREFIX, tags=[tag], generate_unique_id_function=lambda route: route.name, route_class=Route)


def operations(app: FastAPI) -> Iterator[APIRoute]:
    """All routes with a handler of ours."""
    return (route for route in app.routes if isinstance(route, APIRoute))


def allowed_methods(request: Request) -> str:
    """What the address takes, for the header Allow: as OpenAPI has it, a fixed address is not one with a parameter too."""
    matching = [r for r in operations(request.app) if r.matches(request.scope)[0] is not Match.NONE]
    nearest = min((len(route.param_convertors) for route in matching), default=0)
    named = (route for route in matching if len(route.param_convertors) == nearest)
    return ", ".join(sorted({method for route in named for method in route.methods or ()}))

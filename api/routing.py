"""How routers are made: every address begins alike, and an operation is named for its handler."""

from collections.abc import Iterable, Iterator

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from api.serving import Route

PREFIX = "/api/v1"


class Addresses(BaseRoute):
    """Routes as one, found by how many parts an address has and by its last: to ask each of them costs more than many answers."""

    def __init__(self, routes: Iterable[BaseRoute]) -> None:
        self.routes = [route for route in routes if isinstance(route, APIRoute)]
        self._names = {_last(route.path) for route in self.routes}
        self._deepest = max(route.path.count("/") for route in self.routes)
        self._alike: dict[tuple[int, str], list[APIRoute]] = {}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """The first route that takes the request, else the first that would take another method."""
        nearest: tuple[Match, Scope] = (Match.NONE, {})
        for route in self._candidates(scope["path"]) if scope["type"] == "http" else ():
            found = route.matches(scope)
            if found[0] is Match.FULL and (nearest[0] is Match.NONE or _may_be_meant(found[1], nearest[1])):
                return found
            if nearest[0] is Match.NONE:
                nearest = found
        return nearest

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request by the route that was found."""
        await scope["route"].handle(scope, receive, send)

    def _candidates(self, path: str) -> list[APIRoute]:
        # What nobody named is one to us: callers make up addresses without end.
        last = _last(path)
        shape = min(path.count("/"), self._deepest + 1), last if last in self._names else ""
        if (found := self._alike.get(shape)) is None:
            alike = [route for route in self.routes if _may_have(route.path, *shape)]
            # A fixed address comes first: a board is no ticket's number.
            found = self._alike[shape] = sorted(alike, key=lambda route: len(route.param_convertors))
        return found


def _may_have(pattern: str, depth: int, last: str) -> bool:
    """Whether addresses of the pattern may have so many parts and such a last one, which is empty where no pattern names it."""
    longer = ":path}" in pattern and depth > pattern.count("/")
    return longer or (depth == pattern.count("/") and ("{" in _last(pattern) or _last(pattern) == last))


def _may_be_meant(found: Scope, nearest: Scope) -> bool:
    """Whether who meets a nearer address that does not take the method may mean this one: `loads` is no person's id, but may be a tag."""
    route: APIRoute = found["route"]
    if len(route.param_convertors) == len(nearest["route"].param_convertors):
        return True
    values = found["path_params"]
    wanted = [(field, values[field.alias]) for field in route.dependant.path_params if field.alias in values]
    return not any(field.validate(value, loc=("path",))[1] for field, value in wanted)


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def router(tag: str) -> APIRouter:
    """A router for one resource."""
    return APIRouter(prefix=PREFIX, tags=[tag], route_class=Route, generate_unique_id_function=lambda route: route.name)


def operations(app: FastAPI) -> Iterator[APIRoute]:
    """All routes with a handler of ours."""
    return (route for each in app.routes if isinstance(each, Addresses) for route in each.routes)


def allowed_methods(request: Request) -> str:
    """What the address takes, for the header Allow: as OpenAPI has it, a fixed address is not one with a parameter too."""
    matching = [r for r in operations(request.app) if r.matches(request.scope)[0] is not Match.NONE]
    nearest = min((len(route.param_convertors) for route in matching), default=0)
    named = (route for route in matching if len(route.param_convertors) == nearest)
    return ", ".join(sorted({method for route in named for method in route.methods or ()}))

"""FastAPI with a short way to our own routes: the layers on the long one do nothing for them, and cost every request."""

from typing import Any

from fastapi import FastAPI
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from api.middleware import Surroundings
from api.problems import install
from api.routing import Addresses


class Application(FastAPI):
    """Serves the addresses; all else as FastAPI does: the description, and refusals of what is nowhere."""

    def __init__(self, addresses: Addresses, body_limit: int, **settings: Any) -> None:
        super().__init__(**settings)
        self._addresses = addresses
        self._surroundings = Surroundings(self._routed, body_limit)
        install(self)
        # Here too: the description is made of it, and so is what an address allows.
        self.router.routes.insert(0, addresses)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the process."""
        if scope["type"] == "http":
            scope["app"] = self
            await self._surroundings(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def _routed(self, scope: Scope, receive: Receive, send: Send) -> None:
        match, found = self._addresses.matches(scope)
        if match is Match.FULL:
            scope.update(found)
            await found["route"].app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

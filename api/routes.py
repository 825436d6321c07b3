"""All routes of an application, those of included routers too."""

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.routing import APIRoute


def routes(app: FastAPI) -> Iterator[APIRoute]:
    """The described operations."""
    return (route for route in app.routes if isinstance(route, APIRoute) and route.include_in_schema)

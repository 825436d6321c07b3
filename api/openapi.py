"""The API description: what every operation has in common is said here once."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from api.auth import COOKIE, Needs
from api.errors import MissingCsrfToken, NotSignedIn, RateLimited
from api.examples import EXAMPLES
from api.problems import (
    BodyTooLarge,
    InvalidRequest,
    MalformedRequest,
    NotAcceptable,
    NotFound,
    Problem,
    UnsupportedMediaType,
    problems,
)
from api.routing import operations
from domain.errors import NotAllowed, ScopeMissing
from eventstore.database import DatabaseUnavailable

REF = "#/components/schemas/{model}"
_SIGNED_IN = problems(NotSignedIn, NotAllowed, ScopeMissing, MissingCsrfToken)
_ALL = problems(InvalidRequest, NotAcceptable, RateLimited, DatabaseUnavailable)
_WITH_BODY = problems(MalformedRequest, BodyTooLarge, UnsupportedMediaType)
_WITH_PATH = problems(NotFound)
_SECURITY = {
    "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key, `ldk_...`."},
    "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
}
DESCRIPTION = """Every action is an immutable event; every list and history is made of them.

Changes take `Idempotency-Key` and `If-Match`, and answer a `position`; reads take `min_position` to see at least that.
Refusals are problems (RFC 9457) with a stable `code`."""


def describe(app: FastAPI) -> None:
    """Give the application its description, made when it is first asked for."""

    def description() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _described(app)
        return app.openapi_schema

    app.openapi = description  # type: ignore[method-assign]


def _described(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(title="Ledgerdesk", version=app.version, description=DESCRIPTION, routes=list(operations(app)))
    schemas = made["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    described = Problem.model_json_schema(ref_template=REF)
    schemas.update(described.pop("$defs"), Problem=described)
    for name in EXAMPLES.keys() & schemas.keys():
        schemas[name].setdefault("examples", [EXAMPLES[name]])
    made["components"]["securitySchemes"] = _SECURITY
    for route in operations(app):
        for method in route.methods or ():
            _complete(made["paths"][route.path_format][method.lower()], route)
    return made


def _complete(operation: dict[str, Any], route: APIRoute) -> None:
    answers = operation["responses"]
    # FastAPI's own form of a validation error, which we do not answer.
    if "application/json" in answers.get("422", {}).get("content", {}):
        del answers["422"]
    _add(answers, _ALL)
    if any(isinstance(each.call, Needs) for each in route.dependant.dependencies):
        operation["security"] = [{name: []} for name in _SECURITY]
        _add(answers, _SIGNED_IN)
    if "requestBody" in operation:
        _add(answers, _WITH_BODY)
    if "{" in route.path:
        _add(answers, _WITH_PATH)


def _add(answers: dict[str, Any], more: dict[int | str, dict[str, Any]]) -> None:
    for status, answer in more.items():
        known = answers.setdefault(str(status), {"description": answer["description"], "content": {}})
        for media_type, content in answer["content"].items():
            mine = known["content"].setdefault(media_type, {"schema": content["schema"], "examples": {}})
            mine["examples"] = content["examples"] | mine["examples"]

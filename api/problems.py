"""Every refusal as application/problem+json (RFC 9457), from the error class alone."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.exceptions import HTTPException

from api.errors import NotCaughtUp
from api.routing import allowed_methods
from domain.errors import LedgerdeskError, Refusal
from domain.forms import InvalidField
from domain.wording import wrong
from eventstore.database import DatabaseNotMigrated, DatabaseRefused, DatabaseUnavailable

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 1
# They name hosts, users and settings: of use to whoever runs the service, and to whoever attacks it.
FOR_OPERATORS = (DatabaseUnavailable, DatabaseRefused, DatabaseNotMigrated)
AWAY = (
    "The service cannot use its database at the moment. Try again soon; with an Idempotency-Key nothing happens twice."
)


class WrongField(BaseModel):
    """One value that cannot be taken."""

    field: str = Field(description="JSON Pointer of the value, beginning with where it came: /body, /query, /path.")
    reason: str


class Problem(BaseModel):
    """Why a request was refused."""

    type: str = Field(examples=["/problems/unknown_ticket"])
    title: str = Field(description="What kind of refusal it is.")
    status: int
    detail: str = Field(description="What happened, and what to do.")
    code: str = Field(description="Stable, for programs.")
    fields: dict[str, Any] = Field(default_factory=dict, description="What the detail speaks of, for programs.")
    errors: list[WrongField] = Field(default_factory=list)


class MalformedRequest(Refusal):
    """The body is not JSON in UTF-8."""

    code = "malformed_request"
    status = 400
    sentence = "The body could not be read: send JSON in UTF-8."


class InvalidRequest(Refusal):
    """One or more values of the request cannot be taken; `errors` names them."""

    code = "invalid_request"
    status = 422
    sentence = "Some values cannot be taken; see `errors`."


class NotFound(Refusal):
    """No resource has that address."""

    code = "not_found"
    status = 404
    sentence = "There is nothing at this address. The API is described at /api/v1/docs."


class MethodNotAllowed(Refusal):
    """The resource does not take that method."""

    code = "method_not_allowed"
    status = 405
    sentence = "This address does not take this method; see the header Allow."


class NotAcceptable(Refusal):
    """The caller takes no format that we have."""

    code = "not_acceptable"
    status = 406
    sentence = "The answer is JSON (or an event stream): send `Accept: application/json` or no Accept at all."


class BodyTooLarge(Refusal):
    """The body is larger than the limit."""

    code = "body_too_large"
    status = 413
    sentence = "The body is larger than this service takes. Send less at once."


class UnsupportedMediaType(Refusal):
    """The body is in another format."""

    code = "unsupported_media_type"
    status = 415
    sentence = "Send the body as JSON, with `Content-Type: application/json`."


_BY_STATUS: Mapping[int, type[Refusal]] = {
    error.status: error for error in (MalformedRequest, NotFound, MethodNotAllowed, BodyTooLarge, UnsupportedMediaType)
}


class ProblemResponse(Response):
    """A refusal on its way out."""

    media_type: ClassVar[str] = MEDIA_TYPE  # type: ignore[misc]

    def __init__(
        self, error: LedgerdeskError, *, errors: Iterable[WrongField] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        out = dict(headers or {})
        if error.status in {429, 503} or error.code == NotCaughtUp.code:
            out["Retry-After"] = str(error.fields.get("retry_after", RETRY_AFTER))
        if error.status == 401:
            out["WWW-Authenticate"] = 'Bearer realm="ledgerdesk"'
        super().__init__(_json(problem(error, errors)), status_code=error.status, headers=out)


def problem(error: LedgerdeskError, errors: Iterable[WrongField] = ()) -> dict[str, Any]:
    """The refusal as a Problem's fields; of a mistake of ours, or where our database is, nothing is told."""
    hidden = LedgerdeskError.sentence if error.status == 500 else AWAY if isinstance(error, FOR_OPERATORS) else None
    return {
        "type": f"/problems/{error.code}",
        "title": _title(type(error)),
        "status": error.status,
        "detail": hidden or str(error),
        "code": error.code,
        "fields": {} if hidden else error.fields,
        "errors": [wrong.model_dump() for wrong in errors] or _named(error),
    }


def _named(error: LedgerdeskError) -> list[dict[str, str]]:
    """The custom fields that are wrong, where the refusal names several."""
    wrong = error.wrong if isinstance(error, InvalidField) else []
    return [{"field": f"/body/fields/{each['field']}", "reason": each["reason"]} for each in wrong]


def install(app: FastAPI) -> None:
    """Answer every refusal, foreseen by us or by the framework, as a problem."""
    for kind, answer in _ANSWERS.items():
        app.add_exception_handler(kind, answer)


async def answer_to(request: Request, error: Exception) -> Response | None:
    """The same for what no framework stands in between; None where it is a mistake of ours."""
    answer = next((found for kind, found in _ANSWERS.items() if isinstance(error, kind)), None)
    try:
        return await answer(request, error) if answer else None
    except LedgerdeskError:
        return None


async def _refused(_: Request, error: Exception) -> Response:
    if not isinstance(error, LedgerdeskError) or error.status == 500:
        raise error
    if isinstance(error, FOR_OPERATORS):
        log.warning("database.away", code=error.code, reason=str(error))
    return ProblemResponse(error)


async def _invalid(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    found = error.errors()
    if any(each["type"] == "json_invalid" for each in found):
        return ProblemResponse(MalformedRequest())
    return ProblemResponse(InvalidRequest(), errors=[_wrong(each) for each in found if not _follows(each, found)])


def _follows(error: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a list is only called too short because its wrong entries were not counted."""
    place = error["loc"]
    within = (each["loc"] for each in found if each is not error)
    return error["type"] == "too_short" and any(other[: len(place)] == place for other in within)


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    # The framework names the methods of the first route that it met at the address only.
    headers = {"Allow": allowed_methods(request)} if error.status_code == MethodNotAllowed.status else error.headers
    return ProblemResponse(_BY_STATUS.get(error.status_code, Refusal)(), headers=headers)


_ANSWERS = {LedgerdeskError: _refused, RequestValidationError: _invalid, HTTPException: _http}


def _wrong(error: Mapping[str, Any]) -> WrongField:
    # The value itself is left out: it may be a password or what a customer wrote.
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in error["loc"])
    return WrongField(field=_clean(pointer), reason=_clean(wrong(error)))


def _json(problem: Mapping[str, Any]) -> bytes:
    try:
        return to_json(problem, fallback=str)
    except ValueError:
        # A caller's lone surrogate in a name that we repeat.
        return to_json({**problem, "detail": _clean(str(problem["detail"])), "fields": {}})


def _clean(text: str) -> str:
    return text.encode(errors="replace").decode()


def _title(error: type[LedgerdeskError]) -> str:
    first = (error.__doc__ or error.code).partition("\n")[0].split("; ")[0]
    return re.sub(r" \([A-Z]\d+\)", "", first).rstrip(".")


def problems(*errors: type[LedgerdeskError]) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that may refuse with these errors."""
    found: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        known = found.setdefault(error.status, {"description": _title(error), "content": {MEDIA_TYPE: _content()}})
        known["content"][MEDIA_TYPE]["examples"][error.code] = {"value": _example(error)}
    return found


def _content() -> dict[str, Any]:
    return {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}


def _example(error: type[LedgerdeskError]) -> dict[str, Any]:
    return {
        "type": f"/problems/{error.code}",
        "title": _title(error),
        "status": error.status,
        "detail": error.sentence,
        "code": error.code,
        "fields": {},
        "errors": [],
    }

"""The API describes itself whole: examples of what is sent, answers with their headers, refusals, and who may call."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel, TypeAdapter, ValidationError

from api.answers import POSITION
from api.app import ADDRESSES
from api.description_page import serve_page
from api.examples import EXAMPLES
from api.openapi import describe
from api.problems import MEDIA_TYPE
from domain.permissions import Permission
from tests.api.matrix.cases import OPEN
from tests.api.matrix.world import resolved

Operation = dict[str, Any]


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    app = FastAPI(title="Ledgerdesk", openapi_url="/api/v1/openapi.json")
    app.router.routes.append(ADDRESSES)
    describe(app)
    return app.openapi()


def operations(told: dict[str, Any], *methods: str) -> Iterator[tuple[str, Operation]]:
    for path, of in told["paths"].items():
        for method, operation in of.items():
            if not methods or method in methods:
                yield f"{method.upper()} {path.removeprefix('/api/v1')}", operation


DOMAIN = Path(__file__).parents[2] / "domain"
CHANGING = ("post", "put", "patch", "delete")


def test_whatever_is_sent_has_an_example(told):
    without = [
        name
        for name, operation in operations(told)
        for content in operation.get("requestBody", {"content": {}})["content"].values()
        if (schema := resolved(told, content["schema"])).get("format") != "binary" and not schema.get("examples")
    ]
    assert without == []


def test_no_column_of_a_list_is_promised_where_columns_can_be_chosen(told):
    for path in ("/api/v1/tickets/search", "/api/v1/views/{key}/tickets"):
        (operation,) = told["paths"][path].values()
        rows = resolved(told, operation["responses"]["200"]["content"]["application/json"]["schema"])
        assert "required" not in resolved(told, rows["properties"]["tickets"]["items"])
        assert "tickets" in rows["required"]


def bodies() -> set[type[BaseModel]]:
    """Every model that can be in what is sent."""
    found: set[type[BaseModel]] = set()
    waiting = [route.body_field.field_info.annotation for route in ADDRESSES.routes if route.body_field]
    while waiting:
        kind = waiting.pop()
        waiting += get_args(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in found:
            found.add(kind)
            waiting += [field.annotation for field in kind.model_fields.values()]
    return found


def takes(kind: Any, field: Any, value: Any) -> bool:
    try:
        TypeAdapter(Annotated[kind, field]).validate_python(value)
    except ValidationError:
        return False
    return True


def test_a_flag_and_a_whole_number_are_nothing_that_looks_like_one(told):
    lax = [
        f"{model.__name__}.{name}"
        for model in bodies()
        for name, field in model.model_fields.items()
        for wrong, kind in (("no", bool), ("3", int))
        if not model.model_config.get("strict") and kind in (field.annotation, *get_args(field.annotation))
        if takes(field.annotation, field, wrong)
    ]
    assert lax == []


def test_no_example_is_of_a_body_that_there_is_not(told):
    assert EXAMPLES.keys() - told["components"]["schemas"].keys() == set()


def test_every_operation_says_what_it_does_and_what_is_answered(told):
    for name, operation in operations(told):
        good = {status: answer for status, answer in operation["responses"].items() if status.startswith("2")}
        assert operation["description"], name
        assert good, name
        assert all(answer["description"] for answer in good.values()), name


def test_every_change_that_is_recorded_answers_its_version_and_position(told):
    recorded = [
        (name, operation)
        for name, operation in operations(told, *CHANGING)
        if {"If-Match", "Idempotency-Key"} <= {each["name"] for each in operation.get("parameters", ())}
    ]
    assert len(recorded) > 100
    for name, operation in recorded:
        (good,) = (answer for status, answer in operation["responses"].items() if status in ("200", "201"))
        assert {"ETag", POSITION} <= good["headers"].keys(), name
        assert "application/json" in good["content"], name
        assert {"412", "422"} <= operation["responses"].keys(), name


def test_every_refusal_is_a_problem_with_an_example(told):
    for name, operation in operations(told):
        refusals = {status: answer for status, answer in operation["responses"].items() if status[0] in "45"}
        assert {"422", "429"} <= refusals.keys(), name
        for status, answer in refusals.items():
            assert answer["content"][MEDIA_TYPE]["examples"], (name, status)


def test_every_operation_names_its_credentials_but_those_that_anybody_may_call(told):
    for name, operation in operations(told):
        secured = {scheme for each in operation.get("security", ()) for scheme in each}
        assert secured == (set() if name in OPEN else {"apiKey", "session"}), name
        assert name in OPEN or {"401", "403"} <= operation["responses"].keys(), name
    assert told["components"]["securitySchemes"].keys() == {"apiKey", "session"}


async def test_the_page_to_read_it_needs_nothing_from_elsewhere():
    app = FastAPI(title="Ledgerdesk", openapi_url="/api/v1/openapi.json", docs_url=None)
    serve_page(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://desk") as client:
        page = (await client.get("/api/v1/docs")).text
        for address in (needed := re.findall('(?:src|href)="(.*?)"', page)):
            assert (await client.get(address)).status_code == 200, address
    assert len(needed) == 3
    assert "//" not in page.replace("window.location.protocol + '//'", "")
    # Else it asks somebody else whether the description is right.
    assert '"validatorUrl": null' in page


# What some uses of an operation need beside the permission that all of them need.
ALSO = {
    "POST /tickets": ("confidential.edit", "ticket.follow"),
    "PUT /tickets/{number}/status": ("ticket.confirm", "ticket.rate", "ticket.close"),
    "POST /tickets/{number}/notices": ("ticket.reply",),
    "PUT /tickets/{number}/spam": ("requester.block",),
    "DELETE /tickets/{number}/spam": ("requester.block",),
    "POST /tickets/{number}/attachments": ("ticket.note",),
    "POST /tickets/{number}/undo": ("ticket.bulk",),
    "POST /bulk/assignments": ("ticket.assign",),
    "POST /bulk/{bulk_id}/undo": ("ticket.undo",),
    "POST /views": ("saved_view.share",),
    "PUT /views/{view_id}": ("saved_view.share",),
    "DELETE /views/{view_id}": ("saved_view.share",),
    "GET /views/{key}/tickets": ("ticket.view",),
    "PUT /people/{person_id}/duty": ("team.edit",),
    "POST /people/{person_id}/absences": ("team.edit",),
    "DELETE /people/{person_id}/absences/{absence_id}": ("team.edit",),
    "PUT /canned-replies/{key}": ("ticket.reply",),
    "PUT /webhooks/{key}": ("requester.view",),
    "GET /tickets/{number}/backtests/{job_id}": ("ticket.view",),
    "POST /exports": ("ticket.view", "events.view", "requester.view"),
    "GET /tags/usage": ("ticket.view",),
    "GET /people/loads": ("ticket.view",),
    "GET /requesters/{requester_id}/card": ("ticket.view",),
    "GET /organisations/{organisation_id}/card": ("ticket.view",),
}
# Of colleagues' wishes only operators' commands say anything.
WITHOUT_OPERATION = {"access.edit"}


def test_an_operation_names_what_some_uses_of_it_need_beside(told):
    said = {name: operation["description"] for name, operation in operations(told)}
    lacking = [(name, each) for name, also in ALSO.items() for each in also if f"`{each}`" not in said[name]]
    assert lacking == []


def test_whatever_is_asked_for_beside_is_asked_for_by_an_operation_that_says_so():
    decided = "\n".join(path.read_text() for path in sorted(DOMAIN.rglob("*.py")))
    asked = {Permission[name] for name in re.findall(r"must_be_allowed\(command, Permission\.(\w+)", decided)}
    assert asked - {each for also in ALSO.values() for each in also} == WITHOUT_OPERATION

"""Malformed, oversized and hostile input gets a clear 4xx."""

import json

import pytest

JSON = {"Content-Type": "application/json"}
LONE = '"\\ud800"'
BODIES = {
    "not json": (b"{", 400),
    "bad utf-8": (b'{"title": "\xff"}', 400),
    "deep": (b'{"title":"x","fields":{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}}", 400),
    "nested": (b'{"title":"x","fields":{"a":' + b"[" * 30 + b"]" * 30 + b"}}", 422),
    "nul": (b'{"title": "a\\u0000b"}', 422),
    "lone surrogate": (b'{"title": %s}' % LONE.encode(), 422),
    "surrogate in a field": (b'{"title": "x", "fields": {"a": %s}}' % LONE.encode(), 422),
    "surrogate as a name": (b'{"title": "x", %s: 1}' % LONE.encode(), 422),
    "nul in a field": (b'{"title": "x", "fields": {"a": {"b": ["\\u0000"]}}}', 422),
    "not a number": (b'{"title": "x", "fields": {"a": NaN}}', 422),
    "huge number": (b'{"title": "x", "fields": {"a": 1e400}}', 422),
    "huge integer": (b'{"title": "x", "fields": {"a": %s}}' % (b"9" * 400), 422),
    "endless integer": (b'{"title": "x", "fields": {"a": %s}}' % (b"9" * 5000), 400),
    "bad date": (b'{"title": "x", "due_at": "2026-02-31T00:00:00Z"}', 422),
    "date without zone": (b'{"title": "x", "due_at": "2026-02-01T00:00:00"}', 422),
    "bad uuid": (b'{"title": "x", "requester_id": "1"}', 422),
    "too long": (json.dumps({"title": "x" * 501}).encode(), 422),
    "unknown name": (b'{"title": "x", "titel": "y"}', 422),
    "a list": (b"[]", 422),
    "nothing": (b"", 422),
}


@pytest.fixture(scope="module")
def server(shared_server):
    """Whatever was refused before, the server is there for the next."""
    return shared_server


@pytest.mark.parametrize("name", BODIES)
def test_a_bad_body_is_refused(admin, name):
    body, status = BODIES[name]
    answer = admin.post("/tickets", content=body, headers=JSON)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


@pytest.mark.parametrize("chunked", [True, False])
def test_an_oversized_body_is_refused(admin, chunked):
    body = b'{"title":"' + b"x" * (1 << 20) + b'"}'
    answer = admin.post("/tickets", content=iter([body]) if chunked else body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/requesters/1", 422),
        ("/events?after=-1&wait=false", 422),
        ("/events?after=99999999999999999999&wait=false", 422),
        ("/events?types=nothing&wait=false", 422),
        ("/events?ticket=%00&wait=false", 422),
        ("/nothing", 404),
        ("/tickets%2F1/x", 404),
    ],
)
def test_a_bad_address_is_refused(admin, path, status):
    answer = admin.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_other_formats_and_methods_are_refused(admin):
    assert admin.post("/tickets", content=b"title=x").status_code == 415
    assert admin.get("/me", headers={"Accept": "image/png"}).status_code == 406
    refused = admin.put("/me")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    assert refused.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_method_that_only_an_address_with_an_id_takes_is_refused_where_the_id_is_none(admin, method):
    refused = admin.request(method, "/people/loads", json={})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")


def test_what_may_be_called_like_a_fixed_address_is_still_reached(admin):
    admin.post("/tags", json={"tag": "usage"})
    assert admin.delete("/tags/usage").status_code == 200
    assert admin.patch("/statuses/order", json={"title": "Order"}).json()["code"] == "unknown_status"
    assert admin.patch("/tickets/board", json={"title": "Board"}).json()["code"] == "unknown_ticket"


@pytest.mark.parametrize("header", ['"x"', "3", '"1", "2"', '"99999999999999999999"'])
def test_a_bad_if_match_is_refused(admin, opened, header):
    answer = admin.post(f"/tickets/{opened()}/resolve", headers={"If-Match": header})
    assert (answer.status_code, answer.json()["fields"]["field"]) == (422, "If-Match")


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "Bearer ldk_wrong", "Bearer \xff", "ldk_x"])
def test_bad_credentials_are_refused(server, header):
    with server.client() as client:
        answer = client.get("/me", headers={"Authorization": header.encode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
    assert "www-authenticate" in answer.headers


def test_a_refused_password_is_not_repeated(server):
    with server.client() as client:
        answer = client.post("/session", json={"workspace": "acme", "login": "x", "password": ["my secret"]})
    assert answer.status_code == 422
    assert "secret" not in answer.text


def test_every_answer_has_an_id_and_security_headers(admin):
    answer = admin.get("/me")
    assert answer.headers["x-request-id"] != admin.get("/me").headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"

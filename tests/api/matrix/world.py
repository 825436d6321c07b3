"""Actors of every role, tickets that stand to them in every way, and what they are answered."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal
from uuid import UUID, uuid4, uuid5

import httpx

from domain.permissions import PERMISSIONS, Permission, RoleName
from tests.api.conftest import STAFF_ROLES, Server
from tests.api.matrix.cases import Case
from tests.api.matrix.keys import Holder, of_a_person, of_a_requester

Verdict = Literal["allowed", "refused", "unknown"]
# What is no answer to somebody who may.
ABOUT_RIGHTS = {"not_signed_in", "not_allowed", "scope_missing", "unknown_ticket"}
# A body that is wrong says nothing of rights: the case would test nothing.
WRONG_BODY = {"invalid_request", "malformed_request", "unsupported_media_type"}
SCOPED = "incidents"


@dataclass
class Actor:
    """Somebody with an API key of all their rights."""

    name: str
    id: UUID
    permissions: frozenset[Permission]
    client: httpx.Client


@dataclass
class Ownership:
    """How a ticket stands to an actor: with what an admin opens it, and whether the actor reaches it."""

    name: str
    reached: bool
    opening: dict[str, Any] = field(default_factory=dict)
    mentions: UUID | None = None
    elsewhere: bool = False


@dataclass(frozen=True)
class Opened:
    """A ticket for one or more cells."""

    number: str
    command: UUID
    position: int = 0


@dataclass
class World:
    """The server, somebody of every role, and what the cases name."""

    server: Server
    admin: Actor
    actors: list[Actor]
    scoped: Actor
    zoe: Actor
    stranger: UUID
    teams: tuple[UUID, UUID]
    named: dict[str, str]
    examples: Callable[[Case], Any]

    def opened(self, how: Ownership) -> Opened:
        """A new ticket that stands so."""
        key = uuid4().hex
        with self.server.acting(other=how.elsewhere) as admin:
            body = {"title": "t", **how.opening} | ({"number": f"ELSE-{key}"} if how.elsewhere else {})
            answer = admin.post("/tickets", json=body, headers={"Idempotency-Key": key})
            assert answer.status_code == 201, answer.text
            number, position = answer.json()["number"], answer.json()["position"]
            if how.mentions:
                note = {"body": "n", "mentions": [str(how.mentions)]}
                position = admin.post(f"/tickets/{number}/notes", json=note).json()["position"]
        return Opened(number, uuid5(self.server.acme.id, f"{self.admin.id}\n{key}"), 0 if how.elsewhere else position)

    def ask(self, actor: Actor, case: Case, **named: Any) -> httpx.Response:
        """The answer to the operation, its example sent."""
        values = {**self.named, "id": str(uuid4()), **{name: str(value) for name, value in named.items()}}
        if "{draft}" in case.path:
            values["draft"] = actor.client.post("/drafts", json={"title": "t"}).json().get("number", "none")
        body = self.examples(case) if case.body is None else case.body
        if "{upload}" in str(body):
            sent = actor.client.post("/uploads", content=b"x", headers={"Content-Type": "text/plain"})
            values["upload"] = sent.json().get("upload", "none")
        path = case.path.format(**values)
        if body is None:
            return actor.client.request(case.method, path, params=_fresh(case, named) or None)
        if isinstance(body, bytes):
            return actor.client.request(case.method, path, content=body, headers={"Content-Type": "text/csv"})
        return actor.client.request(case.method, path, json=filled(body, values))


def _fresh(case: Case, named: dict[str, Any]) -> dict[str, Any]:
    lists = case.method == "GET" and case.path.endswith(("/timeline", "/history"))
    return {"min_position": named["position"]} if lists and named.get("position") else {}


def filled(body: Any, values: dict[str, str]) -> Any:
    """The body with the names in braces replaced."""
    if isinstance(body, dict):
        return {name: filled(value, values) for name, value in body.items()}
    if isinstance(body, list):
        return [filled(value, values) for value in body]
    whole = isinstance(body, str) and body.startswith("{") and body.endswith("}") and body[1:-1] in values
    return values[body[1:-1]] if whole else body


def verdict(answer: httpx.Response, needed: Permission | None) -> Verdict | str:
    """What the answer says about rights; anything else than a verdict is a mistake, told."""
    if answer.status_code < 300:
        return "allowed"
    told = answer.json()
    if answer.status_code >= 500 or told["code"] in WRONG_BODY:
        return f"{answer.status_code} {answer.text}"
    if told["code"] == "not_allowed":
        right = (answer.status_code, told["fields"]["permission"]) == (403, needed)
        return "refused" if right else f"refused wrongly: {answer.text}"
    if told["code"] == "unknown_ticket":
        return "unknown" if answer.status_code == 404 else f"{answer.status_code} for an unknown ticket"
    return f"{told['code']}: about rights" if told["code"] in ABOUT_RIGHTS else "allowed"


@contextmanager
def world(server: Server) -> Iterator[World]:
    """Everything that the cases speak of."""
    with ExitStack() as open_:

        def actor(name: str, id_: UUID, permissions: frozenset[Permission], key: str) -> Actor:
            return Actor(name, id_, permissions, open_.enter_context(server.client(key)))

        acme = server.acme
        staff = [actor(role, acme.people[role], PERMISSIONS[role], acme.keys[role]) for role in STAFF_ROLES]
        admin = next(each for each in staff if each.name == RoleName.ADMIN)
        others = _set_up(admin.client)
        teams = (acme.team, others)
        network = of_a_person(server, SCOPED, teams=[str(acme.team)])
        scoped = actor(SCOPED, network.id, PERMISSIONS[RoleName.ADMIN], network.key)
        zoe, stranger = of_a_requester(server), of_a_requester(server)
        customer = actor("requester", zoe.id, PERMISSIONS[RoleName.REQUESTER], zoe.key)
        named = _named(server, stranger)
        examples = _examples(server)
        yield World(server, admin, [*staff, customer], scoped, customer, stranger.id, teams, named, examples)


def _set_up(admin: httpx.Client) -> UUID:
    """Two types, a role that reaches one of them, what cases name; the second team."""
    done = [admin.put(f"/types/{key}", json={"title": key}) for key in ("incident", "request")]
    role = {"title": "Incidents", "permissions": [*PERMISSIONS[RoleName.ADMIN]], "types": ["incident"]}
    done.append(admin.put(f"/roles/{SCOPED}", json=role))
    done.append(admin.put("/macros/hello", json={"title": "m", "actions": [{"do": "add_tags", "tags": ["a"]}]}))
    done.append(admin.put("/canned-replies/hello", json={"title": "c", "body": "b"}))
    done.append(admin.post("/teams", json={"title": "Others"}))
    assert [answer.status_code // 100 for answer in done] == [2] * len(done), [answer.text for answer in done]
    return UUID(admin.get("/teams").json()[-1]["id"])


def _named(server: Server, stranger: Holder) -> dict[str, str]:
    colleague, spare = of_a_person(server, "agent"), of_a_person(server, "agent")
    with server.acting() as admin:
        other = admin.post("/tickets", json={"title": "other", "type": "incident"}).json()["number"]
    return {
        "colleague": str(colleague.id),
        "spare": str(spare.id),
        "requester": str(stranger.id),
        "letter": "1",
        "version": "1",
        "team": str(server.acme.team),
        "other": other,
        "relation": "related",
        "view": "all",
        "key": "thing",
        "tag": "thing",
        "macro": "hello",
        "reply": "hello",
    }


def _examples(server: Server) -> Callable[[Case], Any]:
    """The example that the API description has for an operation, None where it takes no body."""
    with server.client() as anybody:
        told = anybody.get("/openapi.json").json()
    operations = {
        (method.upper(), shape(path)): each for path, of in told["paths"].items() for method, each in of.items()
    }

    @cache
    def example(case: Case) -> Any:
        operation = operations[case.method, shape("/api/v1" + case.path)]
        if "requestBody" not in operation:
            return None
        ((_, content),) = operation["requestBody"]["content"].items()
        schema = content["schema"]
        if schema.get("format") == "binary":
            return b"x"
        return resolved(told, schema)["examples"][0]

    return example


def resolved(told: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The schema itself where there is a reference."""
    while "$ref" in schema:
        schema = told["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def shape(path: str) -> str:
    """The address without the names of its parts."""
    parts = path.partition("?")[0].split("/")
    return "/".join("{}" if part.startswith("{") else part for part in parts)

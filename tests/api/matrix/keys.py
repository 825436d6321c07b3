"""API keys of people who are on no desk of the usual offices: customers, and bearers of roles of the workspace's own."""

from typing import Any, NamedTuple
from uuid import UUID

from tests.api.conftest import Server


class Holder(NamedTuple):
    """Somebody, and an API key of all that they may do."""

    id: UUID
    key: str


def of_a_requester(server: Server, **known: Any) -> Holder:
    """A new customer of the first workspace."""
    with server.acting() as admin:
        answer = admin.post("/requesters", json={"name": "Zoe", **known})
        assert answer.status_code == 201, answer.text
        requester = UUID(answer.json()["id"])
        return Holder(requester, key_for(server, requester_id=requester))


def of_a_person(server: Server, role: str, **known: Any) -> Holder:
    """A new person of the first workspace, of that role."""
    with server.acting() as admin:
        answer = admin.post("/people", json={"name": f"Another {role}", "role": role, **known})
        assert answer.status_code == 201, answer.text
        person = UUID(answer.json()["id"])
        return Holder(person, key_for(server, person_id=person))


def key_for(server: Server, *scopes: str, **owner: UUID) -> str:
    """A key of an admin's making, of everything that its owner may do unless scopes are given."""
    with server.acting() as admin:
        body = {"name": "tests", "scopes": list(scopes) or ["admin"], **{name: str(of) for name, of in owner.items()}}
        answer = admin.post("/api-keys", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["secret"])

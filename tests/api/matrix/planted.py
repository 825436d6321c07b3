"""A ticket with a word of its own in each place where something may be written, and one beyond a restricted role's reach."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from domain.permissions import PERMISSIONS, Permission, RoleName
from tests.api.conftest import Server
from tests.api.matrix.keys import Holder, of_a_person, of_a_requester

# In no answer to a GET, whoever asks.
SECRET = ("xqsecret", "xqreplaced", "xqopening", "xqredacted", "xqredactedname")
# For the desk, and never for the customer whose ticket it is.
INTERNAL = [
    "xqnote",
    "xqrisk",
    "xqfilename",
    "xqfilecontent",
    "xqtransfer",
    "xqreturn",
    "xqurge",
    "xqtag",
    "xqask",
    "xqapprove",
    "xqrefuse",
    "xqremoved",
    "xqsaved",
]
# For the customer too.
PUBLIC = ["xqtitle", "xqdescription", "xqreply", "xqsite", "xqremark", "xqpublicname"]
# Of a ticket that a restricted role does not reach.
OUTSIDE = ["xqouttitle", "xqoutdescription", "xqoutnote", "xqoutreply", "xqoutrisk", "xqouttag", "xqoutname"]
# Only their author's.
DRAFT = ("xqdrafttitle", "xqdraftsecret")
SCOPED = "incidents"


@dataclass
class Planted:
    """What there is to ask for, and who asks."""

    server: Server
    clients: dict[str, httpx.Client]
    zoe: Holder
    scoped: Holder
    number: str
    outside: str
    draft: str
    approval: UUID
    files: list[str]
    outside_files: list[str]
    position: int


def done(answer: httpx.Response) -> dict[str, Any]:
    """What was answered, once it is sure to have been done."""
    assert answer.status_code < 300, answer.text
    told: dict[str, Any] = answer.json()
    return told


def upload(who: httpx.Client, name: str, content: str) -> dict[str, Any]:
    """A file of that name."""
    headers = {"Content-Type": "text/plain", "Content-Disposition": f"attachment; filename={name}.txt"}
    return done(who.post("/uploads", content=content.encode(), headers=headers))


@contextmanager
def planted(server: Server) -> Iterator[Planted]:
    """Everything written, and a client of everybody who may look for it."""
    with ExitStack() as open_:
        staff = {role: open_.enter_context(server.acting(role)) for role in server.acme.keys}
        admin = staff[RoleName.ADMIN]
        _set_up(admin)
        zoe, other = of_a_requester(server), of_a_requester(server, name="Yao")
        scoped = of_a_person(server, SCOPED)
        others = {"zoe": zoe, "yao": other, SCOPED: scoped}
        clients = {name: open_.enter_context(server.client(holder.key)) for name, holder in others.items()}
        clients |= {str(role): client for role, client in staff.items()}
        outside, outside_files = _outside(admin, server)
        number, approval, files = _inside(clients, server, zoe, outside)
        draft = done(admin.post("/drafts", json={"title": DRAFT[0], "confidential": DRAFT[1]}))
        found = (zoe, scoped, number, outside, draft["number"], approval, files, outside_files, draft["position"])
        yield Planted(server, clients, *found)


def _set_up(admin: httpx.Client) -> None:
    done(admin.put("/fields/site", json={"title": "Site", "kind": "line"}))
    done(admin.put("/fields/risk", json={"title": "Risk", "kind": "line", "internal": True}))
    done(admin.put("/templates/report", json={"title": "R", "uses": [{"key": "site"}, {"key": "risk"}]}))
    for key in ("incident", "request"):
        done(admin.put(f"/types/{key}", json={"title": key, "template": "report"}))
    permissions = [*PERMISSIONS[RoleName.ADMIN] - {Permission.ACCESS_EDIT, Permission.CONFIDENTIAL_VIEW}]
    role = {"title": "Incidents", "permissions": permissions, "types": ["incident"]}
    done(admin.put(f"/roles/{SCOPED}", json=role))


def _outside(admin: httpx.Client, server: Server) -> tuple[str, list[str]]:
    file, fields = upload(admin, "xqoutname", "xqoutcontent"), {"risk": "xqoutrisk", "site": "s"}
    opening = {"type": "request", "title": "xqouttitle", "description": "xqoutdescription", "fields": fields}
    number = done(admin.post("/tickets", json={**opening, "tags": ["xqouttag"], "confidential": "xqopening"}))["number"]
    at = f"/tickets/{number}"
    done(admin.post(f"{at}/notes", json={"body": "xqoutnote", "mentions": [str(server.acme.people[RoleName.LEAD])]}))
    done(admin.post(f"{at}/replies", json={"body": "xqoutreply", "uploads": [file["upload"]]}))
    return number, [f"{at}/attachments/{file['attachment_id']}"]


def _inside(clients: dict[str, httpx.Client], server: Server, zoe: Holder, outside: str) -> tuple[str, UUID, list[str]]:
    customer, agent, admin, lead = (clients[name] for name in ("zoe", "agent", "admin", "lead"))
    people = {role: str(person) for role, person in server.acme.people.items()}
    opening = {"type": "incident", "title": "xqtitle", "description": "xqdescription", "fields": {"site": "xqsite"}}
    number = done(customer.post("/tickets", json={**opening, "confidential": "xqreplaced"}))["number"]
    at = f"/tickets/{number}"
    shown, hidden = upload(customer, "xqpublicname", "xqpubliccontent"), upload(agent, "xqfilename", "xqfilecontent")
    taken, redacted = upload(agent, "xqremoved", "x"), upload(agent, "xqredactedname", "xqredacted")
    done(customer.put(f"{at}/confidential", json={"text": "xqsecret"}))
    done(customer.post(f"{at}/replies", json={"body": "xqreply", "uploads": [shown["upload"]]}))
    done(customer.post(f"{at}/remarks", json={"body": "xqremark"}))
    done(agent.patch(at, json={"fields": {"risk": "xqrisk"}}))
    done(agent.post(f"{at}/tags", json={"tags": ["xqtag"]}))
    note = {"body": "xqnote", "uploads": [hidden["upload"], taken["upload"]], "mentions": [people["lead"]]}
    done(agent.post(f"{at}/notes", json=note))
    done(agent.post(f"{at}/transfer", json={"to": {"person": people["lead"]}, "note": "xqtransfer"}))
    done(lead.post(f"{at}/transfer", json={"to": {"person": people["agent"]}, "note": "xqtransfer"}))
    done(agent.post(f"{at}/return", json={"reason": "xqreturn"}))
    done(agent.post(f"{at}/urges", json={"body": "xqurge"}))
    done(agent.put(f"{at}/form", json={"fields": {"risk": "xqsaved"}}))
    approval = _asked(agent, admin, at, people)
    done(agent.post(f"{at}/links", json={"relation": "related", "other": outside}))
    file = f"{at}/attachments/{taken['attachment_id']}"
    done(admin.request("DELETE", file, json={"reason": "xqremoved"}))
    _redacted(agent, admin, at, redacted["upload"])
    attached = (shown, hidden, taken, redacted)
    return number, approval, [f"{at}/attachments/{each['attachment_id']}" for each in attached]


def _asked(agent: httpx.Client, admin: httpx.Client, at: str, people: dict[str, str]) -> UUID:
    """One approval that is given, one that is refused."""
    ask = {"approvers": [people["admin"]], "note": "xqask"}
    for answer, body in (("approve", {"note": "xqapprove"}), ("refuse", {"reason": "xqrefuse"})):
        approval = done(agent.post(f"{at}/approvals", json=ask))["id"]
        done(admin.post(f"{at}/approvals/{approval}/{answer}", json=body))
    return UUID(approval)


def _redacted(agent: httpx.Client, admin: httpx.Client, at: str, file: str) -> None:
    said = done(agent.post(f"{at}/replies", json={"body": "xqredacted", "uploads": [file]}))
    entries = agent.get(f"{at}/timeline", params={"min_position": said["position"]}).json()["entries"]
    message = next(each["message_id"] for each in entries if each["body"] == "xqredacted")
    done(admin.post(f"{at}/messages/{message}/redaction", json={"reason": "wrong address"}))

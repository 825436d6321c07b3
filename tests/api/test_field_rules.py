"""What is confidential, internal or out of reach comes to nobody whom it is not for: not in any answer, file, stream or log."""

import io
import sys
import threading
import zipfile
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pyarrow.parquet as pq
import pytest
import structlog

from api import logs
from domain.permissions import Permission, RoleName
from eventstore.keyring import Keyring
from processors.jobs import runner
from tests.api.conftest import Server, settings
from tests.api.matrix.keys import key_for
from tests.api.matrix.planted import DRAFT, INTERNAL, OUTSIDE, PUBLIC, SCOPED, SECRET, Planted, done, planted
from tests.api.matrix.sharing import shared as shared

EXPORTED = ["tickets", "urges", "returns", "remarks", "transfers", "replies", "notes", "events"]
STREAMS = ("/events", "/me/notifications/live")
ECHOED = ("/search", "/tickets")
# What somebody may who is shown what tickets say.
SHOWING = {
    Permission.TICKET_VIEW,
    Permission.HISTORY_VIEW,
    Permission.EVENTS_VIEW,
    Permission.EXPORT,
    Permission.CONFIDENTIAL_VIEW,
}
COLUMNS = ("number", "title", "tags", "fields", "fields.risk", "fields.site", "notes")


@pytest.fixture(scope="module")
def log() -> Iterator[io.BytesIO]:
    """What all loggers of ours write, with everything that they would ever write."""
    kept = io.BytesIO()
    logs.configure("debug")
    told = structlog.wrap_logger(
        structlog.BytesLogger(kept),  # type: ignore[arg-type]
        processors=structlog.get_config()["processors"],
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )
    with pytest.MonkeyPatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] in ("api", "eventstore", "projections", "processors") and hasattr(module, "log"):
                patch.setattr(module, "log", told)
        yield kept


@pytest.fixture(scope="module")
def here(log: io.BytesIO, shared: Server) -> Iterator[Planted]:
    """Everything planted, with a worker for exports."""
    stop, keyring = threading.Event(), Keyring(settings(shared.database_url).master_key_bytes())
    worker = threading.Thread(target=runner.run, args=(shared.database_url, keyring, stop))
    worker.start()
    try:
        with planted(shared) as everything:
            yield everything
    finally:
        stop.set()
        worker.join(30)


def gets(here: Planted) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every address of the API description that can be read, of each ticket that is there, and the ways of asking."""
    told = here.clients["zoe"].get("/openapi.json").json()
    for path in (path.removeprefix("/api/v1") for path, of in told["paths"].items() if "get" in of):
        # Without the end that is asked for below, they would wait for more.
        for number in () if path in STREAMS else (here.number, here.outside) if "{number}" in path else ("",):
            yield path.format_map(_Names(here, number)), {}
    yield from ((file, {}) for file in (*here.files, *here.outside_files))
    yield from (("/search", {"q": word}) for word in (*SECRET, *INTERNAL, *PUBLIC, *OUTSIDE, *DRAFT))
    yield from (("/tickets/board", {"group_by": by}) for by in ("type", "assignee_person", "assignee_team"))
    yield from (("/tickets", {"everywhere": True, "total": True, **asked}) for asked in ({}, {"tags_any": "xqtag"}))
    yield from ((f"/views/{key}/tickets", {}) for key in ("all", "mine", "unassigned"))
    for number in (here.number, here.outside):
        yield f"/tickets/{number}/timeline", {"audience": "requester"}
        yield from ((f"/tickets/{number}", {"version": version}) for version in (1, 3, 8, 15, 25))
    yield "/events", {"wait": False, "limit": 10_000}
    yield "/me/notifications/live", {"wait": False, "after": 0}


class _Names(dict[str, str]):
    """What stands for the parts of addresses."""

    def __init__(self, here: Planted, number: str) -> None:
        known = {"number": number, "requester_id": str(here.zoe.id), "key": "report"}
        super().__init__({**known, "approval_id": str(here.approval)})
        self.draft = here.draft

    def __missing__(self, name: str) -> str:
        return str(uuid4())


def everything_said(here: Planted, who: str) -> str:
    """All answers to somebody's reading, headers too."""
    client, said = here.clients[who], []
    for path, asked in gets(here):
        answer = client.get(path, params=asked)
        assert answer.status_code < 500, (path, answer.text)
        # Of our own question nothing is to be found.
        said.append(f"\n{path} {asked if path not in ECHOED else ''} {answer.headers} {answer.text}")
    said.append(client.get(f"/drafts/{here.draft}").text)
    return "".join(said)


def found(words: Any, text: str) -> set[str]:
    return {word for word in words if word in text}


def where(word: str, text: str) -> str:
    """The answer that a word was found in, for the report of a failure."""
    return next(line[:160] for line in text.split("\n") if word in line)


def leaks(words: Any, text: str) -> dict[str, str]:
    return {word: where(word, text) for word in found(words, text)}


def test_whoever_reads_sees_what_is_for_them_and_nothing_else(here: Planted, log: io.BytesIO) -> None:
    wait_for(here)
    said = {who: everything_said(here, who) for who in here.clients}
    # Planted well: who may see a word does, so that not finding it elsewhere says something.
    assert found((*INTERNAL, *PUBLIC, *OUTSIDE, *DRAFT), said["admin"]) == {*INTERNAL, *PUBLIC, *OUTSIDE, *DRAFT}
    assert found(PUBLIC, said["zoe"]) == {*PUBLIC}
    assert found((*INTERNAL, *PUBLIC), said[SCOPED]) == {*INTERNAL, *PUBLIC}
    assert leaks((*INTERNAL, *OUTSIDE), said["zoe"]) == {}
    assert leaks((*INTERNAL, *OUTSIDE, *PUBLIC), said["yao"]) == {}
    assert leaks(OUTSIDE, said[SCOPED]) == {}
    for who, text in said.items():
        assert leaks(SECRET, text) == {}, who
        assert who == "admin" or leaks(DRAFT, text) == {}, who
    assert log.getvalue().count(b'"event":"request"') > 500
    assert found((*SECRET, *INTERNAL, *PUBLIC, *OUTSIDE, *DRAFT), log.getvalue().decode()) == set()


def wait_for(here: Planted) -> None:
    """Until all read models have everything."""
    admin, asked = here.clients["admin"], {"min_position": here.position}
    for path in (
        "/tickets",
        "/drafts",
        f"/tickets/{here.number}/timeline",
        f"/tickets/{here.number}/history",
        "/search",
    ):
        done(admin.get(path, params={"q": "x", "min_position": here.position} if path == "/search" else asked))


def test_a_requester_is_told_no_names_but_of_who_wrote_to_them(here: Planted) -> None:
    wait_for(here)
    zoe, agent = here.clients["zoe"], str(here.server.acme.people[RoleName.AGENT])
    done(here.clients["agent"].post(f"/tickets/{here.number}/replies", json={"body": "Hello"}))
    said = done(here.clients["agent"].post(f"/tickets/{here.number}/resolve"))
    timeline = f"/tickets/{here.number}/timeline"
    told = done(zoe.get(timeline, params={"min_position": said["position"]}))
    assert told["names"] == {agent: "Some agent"}
    for path in (f"/tickets/{here.number}", "/tickets", "/tickets/board", "/search?q=xqtitle"):
        assert done(zoe.get(path))["names"] == {}


def test_the_desk_is_told_names_of_those_alone_who_are_spoken_of(here: Planted) -> None:
    wait_for(here)
    people = here.server.acme.people
    for path in ("", "/timeline", "/history"):
        names = done(here.clients["agent"].get(f"/tickets/{here.outside}{path}"))["names"]
        assert str(people[RoleName.ANALYST]) not in names, path
    history = done(here.clients["agent"].get(f"/tickets/{here.number}/history"))["names"]
    assert {str(people[role]) for role in (RoleName.AGENT, RoleName.LEAD, RoleName.ADMIN)} <= history.keys()


@pytest.mark.parametrize(
    "condition",
    [
        {"field": "notes", "op": "gt", "value": 0},
        {"field": "fields.risk", "op": "is", "value": "xqrisk"},
        {"field": "tags", "op": "has_any", "value": ["xqtag"]},
        {"field": "assignee_person", "op": "is_set"},
        {"none": [{"any": [{"field": "transfers", "op": "is", "value": 0}]}]},
    ],
    ids=str,
)
def test_no_requester_finds_out_by_asking(here: Planted, condition: dict[str, Any]) -> None:
    answer = here.clients["zoe"].post("/tickets/search", json={"condition": condition})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), answer.text


def test_a_conflict_tells_a_requester_of_public_events_alone(here: Planted) -> None:
    at, seen = f"/tickets/{here.number}/replies", {"If-Match": '"2"'}
    told = here.clients["zoe"].post(at, json={"body": "x"}, headers=seen).json()
    assert told["code"] == "version_conflict"
    assert {each["event"] for each in told["fields"]["since"]} <= {
        "ticket.replied",
        "ticket.remarked",
        "ticket.resolved",
    }
    assert "ticket.noted" in here.clients["agent"].post(at, json={"body": "x"}, headers=seen).text


@pytest.mark.parametrize("who", ["yao", SCOPED])
def test_a_conflict_on_a_ticket_out_of_reach_does_not_say_that_it_is_there(here: Planted, who: str) -> None:
    headers, body = {"If-Match": '"999"'}, {"body": "x"}
    told = [here.clients[who].post(f"/tickets/{n}/replies", json=body, headers=headers) for n in (here.outside, "NONE")]
    assert [(answer.status_code, answer.json()["code"]) for answer in told] == [(404, "unknown_ticket")] * 2


@pytest.mark.parametrize("who", ["lead", SCOPED])
def test_exports_have_nothing_that_is_not_for_their_asker(here: Planted, who: str) -> None:
    wait_for(here)
    wanted = [{"what": what, "format": "csv", "everywhere": True} for what in EXPORTED]
    wanted += [{"format": kind, "columns": COLUMNS} for kind in ("csv", "xlsx", "parquet", "jsonl")]
    jobs = [done(here.clients[who].post("/exports", json=each)) for each in wanted]
    texts = [exported(here.clients[who], job["job_id"]) for job in jobs]
    assert found(("xqtitle", "xqrisk", "xqnote", "xqtransfer", "xqtag"), "".join(texts)) == {
        "xqtitle",
        "xqrisk",
        "xqnote",
        "xqtransfer",
        "xqtag",
    }
    assert all("xqtitle" in text for text in texts[-4:])
    assert found((*SECRET, *DRAFT), "".join(texts)) == set()
    assert who != SCOPED or found(OUTSIDE, "".join(texts)) == set()
    another = SCOPED if who == "lead" else "agent"
    assert {here.clients[another].get(f"/jobs/{job['job_id']}").status_code for job in jobs} == {404}


def exported(client: httpx.Client, job: str) -> str:
    """The file of an export as text."""
    told = done(client.get(f"/jobs/{job}"))
    while told["finished_at"] is None:
        told = done(client.get(f"/jobs/{job}", params={"wait": 10}))
    file = client.get(f"/jobs/{job}/file")
    assert file.status_code == 200, file.text
    if zipfile.is_zipfile(io.BytesIO(file.content)):
        with zipfile.ZipFile(io.BytesIO(file.content)) as sheet:
            return "".join(sheet.read(name).decode() for name in sheet.namelist())
    if file.content.startswith(b"PAR1"):
        return str(pq.read_table(io.BytesIO(file.content)).to_pylist())
    return file.text


def test_a_stream_follows_what_its_reader_may_see(here: Planted) -> None:
    scoped, admin = here.clients[SCOPED], here.clients["admin"]
    at, asked = f"/tickets/{here.outside}", {"wait": False, "limit": 10_000}
    assert scoped.get("/events", params={**asked, "ticket": here.outside}).text == ""
    done(admin.put(f"{at}/followers/{here.scoped.id}"))
    assert "xqoutnote" in scoped.get("/events", params={**asked, "ticket": here.outside}).text
    done(admin.delete(f"{at}/followers/{here.scoped.id}"))
    assert found(OUTSIDE, scoped.get("/events", params=asked).text) == set()
    assert "workspace.team_added" in scoped.get("/events", params=asked).text


def test_nothing_quotes_what_was_sent(here: Planted) -> None:
    zoe, at = here.clients["zoe"], f"/tickets/{here.number}"
    refused = [
        zoe.post(f"{at}/replies", json={"body": ["xqquoted"]}),
        zoe.post(f"{at}/replies", json={"body": "x", "xqquoted": "xqquoted"}),
        zoe.put(f"{at}/confidential", json={"text": {"xqquoted": "xqquoted"}}),
        zoe.post("/tickets", json={"title": "t", "type": "incident", "fields": {"risk": "xqquoted"}}),
        zoe.post("/tickets", json={"title": "t", "fields": {"site": ["xqquoted"]}, "type": "incident"}),
        here.clients["agent"].post(f"{at}/notes", json={"body": "xqquoted", "uploads": ["xqquoted"]}),
    ]
    assert [answer.status_code for answer in refused] == [422] * len(refused)
    assert all('"xqquoted"' not in str(answer.json()["detail"]) for answer in refused)


def test_metrics_name_nobody_and_nothing(here: Planted) -> None:
    text = here.clients["admin"].get("/metrics").text
    assert found((*SECRET, *INTERNAL, *PUBLIC, *OUTSIDE, *DRAFT, here.number + '"', str(here.zoe.id)), text) == set()


def test_a_key_that_may_do_all_but_view_tickets_reads_nothing_of_them(here: Planted) -> None:
    scopes = [each.value for each in Permission if each not in SHOWING]
    with here.server.client(key_for(here.server, *scopes, person_id=here.server.acme.people["admin"])) as client:
        here.clients["keyed"] = client
        said = everything_said(here, "keyed")
        del here.clients["keyed"]
    assert {word: where(word, said) for word in found((*SECRET, *INTERNAL, *PUBLIC, *OUTSIDE), said)} == {}

"""`ledgerdesk processors`: what acts on its own, and what becomes of what it could not take in."""

import json

import pytest

from domain.errors import InvalidInput, NotAllowed
from eventstore.database import Role, connect
from processors.status import UnknownLetter
from tests.commandline import Run
from tests.commandline import ledgerdesk as ledgerdesk

PARK = (
    "INSERT INTO processes.dead_letters (process, workspace_id, stream_id, number, position, topics, error, attempts) "
    "SELECT 'waking', workspace_id, originator_id, '1', notification_id + %s, '{ticket.opened}', %s, 1 "
    "FROM log.stored_events WHERE topic = 'ticket.opened' RETURNING letter_id"
)
STATES = "SELECT state FROM processes.dead_letters ORDER BY letter_id"


@pytest.fixture
def desk(ledgerdesk: Run, database_url: str) -> Run:
    """A ticket with something that failed, and something behind it."""
    ledgerdesk("workspace", "create", "acme", "--title", "Acme")
    ledgerdesk("do", "add-person", "person_name=Bob", "email=bob@acme.example", "role=agent")
    ledgerdesk("do", "open-ticket", "1", "title=x")
    ledgerdesk("rebuild")
    with connect(database_url, Role.WORKER) as db:
        db.execute("SELECT log.insert_tracking('waking', 1)")
        for place, error in enumerate(("ValueError", None)):
            db.execute(PARK, [place, error])
    return ledgerdesk


def states(url: str) -> list[str]:
    with connect(url, Role.WORKER) as db:
        return [row[0] for row in db.execute(STATES)]


def test_it_says_how_far_they_are_and_what_waits(desk: Run) -> None:
    told = desk("processors").stdout
    assert "waking               position 1" in told
    assert "2 parked" in told
    assert "ticket 1  ticket.opened: ValueError (waiting)" in told
    assert len(json.loads(desk("processors", "--json").stdout)["letters"]) == 2


def test_all_that_failed_is_tried_again(desk: Run, database_url: str) -> None:
    assert "1 decided" in desk("processors", "retry", "--all").stdout
    assert states(database_url) == ["retry", "retry"]


def test_one_is_passed_over_and_the_rest_goes_on(desk: Run, database_url: str) -> None:
    first = json.loads(desk("processors", "--json").stdout)["letters"][0]["letter_id"]
    desk("processors", "skip", str(first))
    assert states(database_url) == ["skipped", "retry"]


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("retry",), InvalidInput),
        (("skip", "--all"), InvalidInput),
        (("skip", "999999"), UnknownLetter),
        (("status", "--as", "bob@acme.example"), NotAllowed),
    ],
)
def test_what_cannot_be_is_refused(desk: Run, words: tuple[str, ...], refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        desk("processors", *words)

"""Courses, policies and tickets for tests of promises, and a model that counts minute by minute."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from domain.calendars.calendar import Calendar
from domain.catalogue import Catalogue
from domain.happening import Situation
from domain.sla.course import Course
from domain.sla.policy import Measure, Policy, Target
from domain.ticket.row import FRESH, Row
from domain.ticket.state import Ticket
from domain.values import FINISHED, StatusKind
from tests.domain.calendars import BEGINS, MINUTE, naively_open
from tests.domain.kit import WORKSPACE

K = StatusKind
LONGEST = 2500
BEGAN = datetime(2026, 11, 23, 9, tzinfo=UTC)


def policy(*targets: Target, **given: object) -> Policy:
    """A policy with these targets; without any, an hour for everything at normal priority."""
    every = targets or tuple(Target(measure=measure, normal=60) for measure in Measure if measure != "update")
    usual = {"key": "usual", "policy_id": UUID(int=1), "version": 1, "title": "Usual", "targets": every}
    return Policy.model_validate(usual | given)


def row(**given: object) -> Row:
    """A row of an open ticket of normal priority."""
    usual = {
        "workspace_id": WORKSPACE,
        "ticket_id": UUID(int=2),
        "number": "T-1",
        "title": "x",
        "status": "open",
        "kind": "open",
        "priority": "normal",
        "type": None,
        "category": [],
        "candidates": [],
        "tags": [],
        "fields": {},
        "source": "api",
        "opened_at": BEGAN,
        "updated_at": BEGAN,
        "version": 1,
        "position": 1,
        "followers": [],
        "consulted": [],
        **dict.fromkeys(("assignee_person", "assignee_team", "assignee_role", "requester_id", "due_at")),
    }
    return Row(**usual | FRESH | given)


def course(*happened: tuple[int, object], began: datetime = BEGAN) -> Course:
    """New from the begin; then, so many minutes later, a kind of status, "asked" or "answered"."""
    kinds, said = [(began, K.NEW)], {"asked": [], "answered": []}
    for minutes, what in happened:
        at = began + minutes * MINUTE
        if isinstance(what, StatusKind):
            kinds.append((at, what))
        else:
            said[what].append(at)
    last = began + max((minutes for minutes, _ in happened), default=0) * MINUTE
    return Course(tuple(kinds), tuple(said["asked"]), tuple(said["answered"]), touched_at=last)


def situation(seen: Course, ticket: Ticket | None = None, **of_row: object) -> Situation:
    """A ticket with that course."""
    kind = seen.kinds[-1][1]
    return Situation(ticket or Ticket(opened=True, number="T-1", kind=kind), row(kind=kind.value, **of_row), seen)


def desk_with(*policies: Policy, calendars: tuple[Calendar, ...] = ()) -> Catalogue:
    """A desk that promises this."""
    kept = {each.key: (each,) for each in calendars}
    return Catalogue(policies={each.key: (each,) for each in policies}, calendars=kept)


@st.composite
def happened(draw: st.DrawFn) -> list[tuple[int, object]]:
    """What a ticket went through, each at a minute of its own."""
    minutes = sorted(draw(st.sets(st.integers(1, LONGEST - 1), max_size=9)))
    what = st.sampled_from([K.OPEN, K.PENDING, K.RESOLVED, K.CLOSED, K.OPEN, "asked", "answered"])
    return [(minute, draw(what)) for minute in minutes]


begins = st.builds(lambda day, minutes: day + minutes * MINUTE, st.sampled_from(BEGINS), st.integers(0, 1439))


class Model:
    """Walks through what happened minute by minute and writes down what was waited for, counted and late."""

    def __init__(self, amount: int, paused: frozenset[StatusKind], calendar: Calendar | None) -> None:
        self.amount, self.paused, self.calendar = amount, paused | FINISHED, calendar
        self.found: dict[tuple[str, datetime], list[object]] = {}
        self.open: dict[str, datetime] = {}
        self.answered_once = self.spoke = False

    def begin(self, measure: str, at: datetime) -> None:
        """Something is waited for: minutes counted, when it was late, when it came."""
        if measure not in self.open:
            self.open[measure] = at
            self.found.setdefault((measure, at), [0, None, None])

    def end(self, measure: str, at: datetime) -> None:
        """It came."""
        if measure in self.open:
            self.found[measure, self.open.pop(measure)][2] = at

    def run(self, began: datetime, steps: list[tuple[int, object]], until: int) -> None:
        """Every minute up to, not including, the last."""
        todo, kind = dict(steps), K.NEW
        for measure in ("accept", "first_response", "resolution"):
            self.begin(measure, began)
        for minute in range(until + 1):
            at = began + minute * MINUTE
            if minute in todo:
                kind = self.take(todo[minute], kind, at)
            if minute < until and kind not in self.paused and (not self.calendar or naively_open(self.calendar, at)):
                self.count(at + MINUTE)

    def take(self, what: object, kind: StatusKind, at: datetime) -> StatusKind:
        """One thing happens."""
        if what == "asked":
            if self.answered_once:
                self.begin("next_response", at)
            return kind
        if what == "answered":
            for measure in ("first_response", "next_response", "follow_up"):
                self.end(measure, at)
            self.answered_once = self.spoke = True
            if kind not in FINISHED:
                self.begin("follow_up", at)
            return kind
        assert isinstance(what, StatusKind)
        self.end("accept", at)
        if what in FINISHED and kind not in FINISHED:
            for measure in ("first_response", "next_response", "follow_up", "resolution"):
                self.end(measure, at)
            self.answered_once = True
        if what not in FINISHED and kind in FINISHED:
            self.found["resolution", self.found_since()][2] = None
            self.open["resolution"] = self.found_since()
            if self.spoke:
                self.begin("follow_up", at)
        return what

    def found_since(self) -> datetime:
        """When the ticket began."""
        return next(since for measure, since in self.found if measure == "resolution")

    def count(self, ends: datetime) -> None:
        """A minute passes for all that is waited for."""
        for measure, since in self.open.items():
            counted = self.found[measure, since]
            counted[0] += 1
            if counted[0] == self.amount:
                counted[1] = ends


HOUR = timedelta(hours=1)

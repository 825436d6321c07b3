"""Whom a rule gives a ticket: fair turns, the least loaded, who knows most; never who is away or full."""

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.catalogue import Catalogue
from domain.happening import Situation
from domain.rules.assigning import Roster, Wish
from domain.staff import Absence
from domain.ticket import events as e
from domain.values import Assignee, StatusKind
from domain.workspace import PersonAdded
from tests.domain.happenings import happening, recorded, situation
from tests.domain.kit import ANN, BILLING, BOB, DESK, NETWORK, NOON, folded, id_of, opened

TURNS = Wish(how="round_robin", team=NETWORK)
SIX = tuple(id_of(f"agent {n}") for n in range(6))
TEAM: Catalogue = folded(
    DESK, *(PersonAdded(person_id=each, person_name="A", role="agent", teams=(NETWORK,)) for each in SIX)
)


def ticket() -> Situation:
    """A new one of the team."""
    return situation(recorded([opened(assignee=Assignee(team=NETWORK))], uuid4()))


def changed(desk: Catalogue, who: UUID, **about: Any) -> Catalogue:
    """The desk where something else is so of a person."""
    return desk.with_person(replace(desk.people[who], **about))


def given_to(roster: Roster, wish: Wish, desk: Catalogue, now: Situation | None = None) -> UUID | None:
    """The person who is picked and has it."""
    now = now or ticket()
    pick = roster.pick(wish, now, desk, NOON)
    if pick is None:
        return None
    roster.given(now.row.ticket_id, pick)
    return pick.assignee.person


def test_turns_go_round() -> None:
    roster = Roster()
    first = [given_to(roster, TURNS, TEAM) for _ in range(6)]
    assert set(first) == set(SIX)
    assert [given_to(roster, TURNS, TEAM) for _ in range(6)] == first


@drawn(st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(1, 20)), min_size=1, max_size=50))
def test_whoever_stays_has_as_many_as_the_others_who_stay(shifts: list[tuple[int, bool, int]]) -> None:
    """Over a thousand tickets with agents joining and leaving, to within one."""
    roster, desk, count, left = Roster(), TEAM, Counter[UUID](), set[UUID]()
    for who, there, tickets in shifts:
        desk = changed(desk, SIX[who], on_duty=there)
        left |= set() if there else {SIX[who]}
        for _ in range(tickets):
            if (picked := given_to(roster, TURNS, desk)) is not None:
                count[picked] += 1
                assert desk.people[picked].on_duty
    stayed = [count[each] for each in SIX if each not in left]
    assert not stayed or max(stayed) - min(stayed) <= 1


def test_a_thousand_tickets_with_two_who_come_and_go() -> None:
    roster, desk, count = Roster(), TEAM, Counter[UUID | None]()
    for n in range(1_000):
        if n % 17 == 0:
            desk = changed(desk, SIX[n // 17 % 2], on_duty=n % 34 == 0)
        count[given_to(roster, TURNS, desk)] += 1
    stayed = [count[each] for each in SIX[2:]]
    assert sum(count.values()) == 1_000
    assert max(stayed) - min(stayed) <= 1
    # Nobody gets more by coming and going.
    assert max(count[each] for each in SIX[:2]) <= max(stayed)


def test_who_was_away_owes_no_turns() -> None:
    roster, away = Roster(), changed(TEAM, SIX[0], on_duty=False)
    for _ in range(60):
        given_to(roster, TURNS, away)
    back = Counter(given_to(roster, TURNS, TEAM) for _ in range(12))
    assert back[SIX[0]] <= 3
    assert len(back) == 6


def test_turns_outlive_a_restart() -> None:
    roster = Roster()
    first = [given_to(roster, TURNS, TEAM) for _ in range(4)]
    again = Roster(json.loads(json.dumps(roster.kept)))
    assert not {given_to(again, TURNS, TEAM), given_to(again, TURNS, TEAM)} & set(first)


def test_the_least_loaded_has_it_and_picks_under_way_count() -> None:
    roster = Roster()
    for who, tickets in ((0, 2), (1, 1), (2, 3), (3, 2), (4, 2), (5, 2)):
        for _ in range(tickets):
            roster.saw(happening((), recorded([opened(assignee=Assignee(person=SIX[who]))], uuid4()), TEAM))
    wish = Wish(how="least_loaded", team=NETWORK)
    assert given_to(roster, wish, TEAM) == SIX[1]
    assert given_to(roster, wish, TEAM) != SIX[1]
    assert roster.load(SIX[1]) == 2


def test_a_promise_is_settled_when_the_ticket_is_seen_again() -> None:
    roster, number = Roster(), uuid4()
    opening = recorded([opened(assignee=Assignee(team=NETWORK))], number)
    picked = given_to(roster, TURNS, TEAM, situation(opening))
    assert picked is not None
    assert roster.load(picked) == 1
    roster.saw(
        happening(opening, recorded([e.TicketAssigned(assignee=Assignee(person=picked))], number, after=1), TEAM)
    )
    assert (roster.load(picked), roster.kept["promised"]) == (1, {})


def test_finished_work_is_no_load() -> None:
    roster, number = Roster(), uuid4()
    opening = recorded([opened(status="open", kind="open", assignee=Assignee(person=ANN))], number)
    roster.saw(happening((), opening))
    resolved = e.TicketResolved(
        status="resolved", kind=StatusKind.RESOLVED, previous="open", previous_kind=StatusKind.OPEN
    )
    roster.saw(happening(opening, recorded([resolved], number, after=1)))
    assert roster.load(ANN) == 0


def test_best_skill_then_least_to_do() -> None:
    desk = changed(changed(TEAM, SIX[2], skills={"vpn": 5}), SIX[3], skills={"vpn": 3})
    wish, roster = Wish(how="best_skill", team=NETWORK, skill="vpn", level=2), Roster()
    picked = roster.pick(wish, ticket(), desk, NOON)
    assert picked is not None
    to, reason, _ = picked
    assert to == Assignee(person=SIX[2], team=NETWORK)
    assert reason.model_dump() == {"how": "best_skill", "among": 2, "open": 0, "skill": "vpn", "level": 5}


@pytest.mark.parametrize(
    "away",
    [
        {"on_duty": False},
        {"active": False},
        {"load_limit": 0},
        {"teams": frozenset({BILLING})},
        {"role": "auditor"},
        {"absences": (Absence(id_of("holiday"), NOON, NOON + timedelta(hours=1)),)},
    ],
)
def test_who_cannot_have_it_is_not_picked(away: dict[str, Any]) -> None:
    assert given_to(Roster(), TURNS, TEAM) == min(SIX, key=str)
    assert given_to(Roster(), TURNS, changed(TEAM, min(SIX, key=str), **away)) != min(SIX, key=str)


def test_nobody_free_leaves_it() -> None:
    desk = TEAM
    for each in SIX:
        desk = changed(desk, each, on_duty=False)
    assert given_to(Roster(), TURNS, desk) is None


def test_a_wish_says_one_thing() -> None:
    for wrong in ({"how": "best_skill"}, {"how": "round_robin", "team": NETWORK, "people": (BOB,)}):
        with pytest.raises(ValidationError):
            Wish(**wrong)

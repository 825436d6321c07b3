"""Partitions that are taken away and given anew while a member takes in what it read of them."""

from typing import Any

import pytest

from processors.checkpoint import Overtaken
from processors.stream import sharing
from processors.stream.partitions import Kept
from processors.stream.shares import Shares
from tests.desks import Office
from tests.processors.shared import TOPIC, Member, begin, partition, published
from tests.processors.test_shares import ALL, NUMBERS, Db, Noting, at, expected, now, opened, shared, written
from tests.processors.test_shares import three as three


async def test_one_to_whom_a_partition_is_given_anew_while_it_takes_in_what_came_before_writes_nothing(
    office: Office, database_url: str, three: list[Db], monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened(office, *NUMBERS)
    process = Noting()
    begin(three[0], process)
    first, second = (Member(database_url, db, process, now) for db in three[:2])
    first.given(ALL)
    told, named = published(three[2]), sharing._named

    def slowly(*what: Any) -> Any:
        found = named(*what)
        if not second.group.places:
            second.given(ALL)
            second.take(told)
            first.given(ALL)
        return found

    monkeypatch.setattr(sharing, "_named", slowly)
    with pytest.raises(Overtaken):
        first.take(told)
    assert written(three[0], office) == expected(three[0], office)


async def test_nothing_is_passed_over_where_a_partition_is_taken_away_while_it_is_taken_in(
    office: Office, database_url: str, three: list[Db], monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened(office, *NUMBERS)
    begin(three[0], Noting())
    loser, take = Member(database_url, three[0], Noting(), now), Shares.take

    def taking(self: Shares, steps: Any) -> int:
        end = take(self, steps)
        for known in (loser.group.places, loser.group.reached):
            known.pop(partition(at(office, "T-0")), None)
        return end

    with monkeypatch.context() as patch:
        patch.setattr(Shares, "take", taking)
        loser.given(ALL)
        loser.take(published(three[2]))
    shared(three[1], Member(database_url, three[1], Noting(), now))
    assert written(three[1], office) == expected(three[1], office)


async def test_who_has_lost_a_partition_does_not_hold_it_while_the_log_fills_a_gap(
    office: Office, database_url: str, three: list[Db]
) -> None:
    await office.ticket("T-0")
    begin(three[0], Noting())
    member = Member(database_url, three[1], Noting(), now)
    Kept.of_process(Noting.NAME, TOPIC).void(three[0])
    with three[1].transaction(), pytest.raises(Overtaken):
        member.sharer.checkpoint.hold(at(office, "T-0"))

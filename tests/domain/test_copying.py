"""Copies of frozen records: as those of dataclasses, whatever their fields."""

from dataclasses import dataclass
from dataclasses import replace as standard

import pytest

from domain.copying import replace
from domain.ticket.state import Marks, Ticket


@dataclass(frozen=True, slots=True)
class Odd:
    """Fields with names that a careless copy would trip over."""

    new: int = 1
    kind: int = 2
    record: int = 3
    copy: int = 4


@pytest.mark.parametrize(
    ("record", "changes"),
    [
        (Odd(5, 6, 7, 8), {"copy": 9}),
        (Odd(), {"new": 9, "kind": 9, "record": 9}),
        (
            Ticket(opened=True, number="T-1", tags=frozenset({"printer"})),
            {"marks": Marks(snoozed=True), "title": "打印机坏了"},
        ),
        (Marks(snoozed=True), {}),
    ],
)
def test_a_copy_is_as_that_of_the_standard_library(record, changes):
    before = standard(record)
    copy = replace(record, **changes)
    assert copy == standard(record, **changes)
    assert record == before


def test_there_is_no_field_of_another_name():
    with pytest.raises(KeyError):
        replace(Odd(), other=1)

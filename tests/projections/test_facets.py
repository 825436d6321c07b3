"""Facets: what tickets can be found by."""

import gc
from types import FrameType
from uuid import uuid4

import pytest

from projections.ticket_facets import hashed


@pytest.mark.parametrize("facet", ["fields.card", "each.cards"])
def test_what_was_typed_into_a_field_is_not_remembered(facet: str) -> None:
    typed = f"{uuid4()}"
    hashed(uuid4(), facet, typed)
    assert [each for each in gc.get_referrers(typed) if not isinstance(each, FrameType)] == []

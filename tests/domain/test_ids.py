"""Ids that follow from names: everything in every log relies on them, so they never change."""

import uuid
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import ids

ACME = UUID("d59d9f22-8f97-50d3-ae89-6ebae74fefcd")


def test_a_workspace_is_where_its_name_says():
    assert ids.workspace_id("acme") == ACME


@pytest.mark.parametrize(
    ("follows", "id_"),
    [
        (ids.ticket_id, "f27b7463-395e-5fb0-897c-90c3ad32f4ba"),
        (ids.person_id, "8c0345bc-882e-57cc-808a-3cf77358de10"),
        (ids.team_id, "895265b2-b5f4-5e91-9d8b-27431c20533a"),
        (ids.requester_id, "6c615f4e-943e-5176-a548-f7adbdb8bcae"),
    ],
)
def test_what_has_one_name_has_one_id_of_each_kind_in_each_workspace(follows, id_):
    assert follows(ACME, "INC1") == UUID(id_)
    assert follows(UUID(int=0), "INC1") != UUID(id_)


@given(namespace=st.uuids(), name=st.text())
def test_an_id_of_a_name_is_that_of_the_standard_library(namespace, name):
    ours, theirs = ids.uuid5(namespace, name), uuid.uuid5(namespace, name)
    assert (ours, hash(ours), str(ours), ours.is_safe) == (theirs, hash(theirs), str(theirs), theirs.is_safe)
    assert (ours.version, ours.variant) == (5, uuid.RFC_4122)

"""Organisations that turn out to be one: merged, asked about, and taken apart again."""

from uuid import UUID

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from domain import organisation as o
from domain import requester as r
from domain.aggregates import decide
from domain.catalogue import Catalogue
from domain.conditions import Context, evaluate
from domain.conditions import parse as condition
from domain.errors import InvalidInput, NotAllowed, Refusal
from domain.organisation_merges import OrganisationMergedAway
from domain.rules.index import Index
from domain.setup import organisations as s
from tests.domain.kit import DESK, NOON, folded, given, id_of, person, wish

ACME, TWIN, THIRD = id_of("acme"), id_of("twin"), id_of("third")
MERGED = s.OrganisationMerged(organisation_id=TWIN, into=ACME)
UPWARDS = s.OrganisationMerged(organisation_id=ACME, into=THIRD)


def test_a_duplicate_goes_on_as_the_other():
    after = given().when(s.MergeOrganisation, organisation_id=TWIN, into=ACME).then(MERGED).organisations
    assert (after.survivor(TWIN), after.survivor(ACME)) == (ACME, ACME)
    assert after.records(TWIN) == after.records(ACME) == (ACME, TWIN)
    assert (after.absorbed(ACME), after.absorbed(TWIN)) == ((TWIN,), ())
    given(MERGED).when(s.MergeOrganisation, organisation_id=TWIN, into=ACME).then_nothing()


def test_one_that_was_merged_into_brings_its_own_duplicates():
    after = given(MERGED).when(s.MergeOrganisation, organisation_id=ACME, into=THIRD).then(UPWARDS).organisations
    assert after.survivor(TWIN) == after.survivor(ACME) == THIRD
    assert after.absorbed(THIRD) == tuple(sorted((TWIN, ACME)))


@pytest.mark.parametrize(
    ("before", "duplicate", "into", "away", "now"),
    [
        ((MERGED,), TWIN, THIRD, TWIN, ACME),
        ((MERGED,), THIRD, TWIN, TWIN, ACME),
        ((MERGED,), ACME, TWIN, TWIN, ACME),
        ((MERGED, UPWARDS), THIRD, TWIN, TWIN, THIRD),
        ((MERGED, UPWARDS), TWIN, THIRD, TWIN, THIRD),
    ],
    ids=["merged already", "into a merged one", "in a ring of two", "in a ring of three", "past the one between"],
)
def test_what_was_merged_away_is_merged_no_more(before, duplicate, into, away, now):
    wanted = {"organisation_id": duplicate, "into": into}
    sentence = (
        given(*before)
        .when(s.MergeOrganisation, **wanted)
        .then_refused(OrganisationMergedAway, organisation=away, into=now)
    )
    assert sentence == f"Organisation {away} was merged into {now}. Go on there, or undo the merge."


def test_an_organisation_is_not_merged_into_itself():
    sentence = given().when(s.MergeOrganisation, organisation_id=ACME, into=ACME).then_refused(InvalidInput)
    assert sentence == "into: must be another organisation"


@pytest.mark.parametrize(("kind", "asked"), [(s.MergeOrganisation, {"into": ACME}), (s.UndoOrganisationMerge, {})])
def test_merging_is_for_those_who_may_merge_requesters(kind, asked):
    given(MERGED).when(kind, by=person("agent"), organisation_id=TWIN, **asked).then_refused(
        NotAllowed, permission="requester.merge"
    )
    assert given(MERGED).when(kind, by=person("lead"), organisation_id=TWIN, **asked).refusal is None


def test_a_merge_taken_back_leaves_the_desk_exactly_as_it_was():
    undone = s.OrganisationMergeUndone(organisation_id=TWIN, into=ACME)
    after = given(MERGED).when(s.UndoOrganisationMerge, organisation_id=TWIN).then(undone)
    assert after == folded(DESK)
    given().when(s.UndoOrganisationMerge, organisation_id=TWIN).then_nothing()
    # In any order: each merge is its own.
    between = given(MERGED, UPWARDS).when(s.UndoOrganisationMerge, organisation_id=TWIN).then(undone)
    assert between == folded(DESK, UPWARDS)


def test_nobody_is_put_into_an_organisation_that_goes_on_as_another_and_it_is_not_changed():
    desk = folded(DESK, MERGED)
    away = {"organisation": TWIN, "into": ACME}
    zoe = r.RequesterRegistered(requester_name="Zoe")
    asked = {"requester_name": "Zoe", "organisation_id": TWIN}
    given(desk=desk).when(r.RegisterRequester, **asked).then_refused(OrganisationMergedAway, **away)
    given(zoe, desk=desk).when(r.ChangeRequester, organisation_id=TWIN).then_refused(OrganisationMergedAway, **away)
    theirs = r.RequesterClassified(organisation_id=TWIN)
    given(zoe, theirs, desk=desk).when(r.ChangeRequester, tier="gold").then(
        r.RequesterClassified(organisation_id=TWIN, tier="gold")
    )
    twin = o.OrganisationAdded(organisation_name="Twin")
    given(twin, desk=desk).when(o.ChangeOrganisation, organisation_id=TWIN, tier="gold").then_refused(
        OrganisationMergedAway, **away
    )


FIELD = "requester.organisation_id"


@pytest.mark.parametrize(
    ("op", "value", "theirs", "apart", "merged"),
    [
        ("is", str(ACME), TWIN, False, True),
        ("is", str(TWIN), ACME, False, True),
        ("is", str(TWIN), TWIN, True, True),
        ("is", str(THIRD), TWIN, False, False),
        ("is", str(ACME), None, False, False),
        ("is_not", str(ACME), TWIN, True, False),
        ("is_any_of", [str(THIRD), str(ACME)], TWIN, False, True),
        ("is_none_of", [str(THIRD), str(ACME)], TWIN, True, False),
        ("is", {"my_organisation": True}, TWIN, False, True),
        ("is_set", None, TWIN, True, True),
        ("is_not_set", None, TWIN, False, False),
    ],
)
def test_conditions_mean_an_organisation_with_all_that_were_merged_into_it(op, value, theirs, apart, merged):
    asked = condition({"field": FIELD, "op": op, "value": value})
    for merges, holds in ((DESK.organisations, apart), (folded(DESK, MERGED).organisations, merged)) * 2:
        context = Context(NOON, organisation=ACME, merges=merges)
        assert evaluate(asked, {FIELD: theirs}, context) is holds


@pytest.mark.parametrize("named", [ACME, TWIN])
@pytest.mark.parametrize("theirs", [ACME, TWIN])
def test_rules_are_found_by_each_organisation_that_is_the_same(named, theirs):
    asked = condition({"field": FIELD, "op": "is", "value": str(named)})

    class Facts(dict):
        before = None

    found = {
        desk is not DESK: Index([asked], desk.organisations).places(Facts({FIELD: theirs}))
        for desk in (DESK, folded(DESK, MERGED))
    }
    assert found == {False: [0] if named == theirs else [], True: [0]}


IDS = [UUID(int=n) for n in range(1, 6)]
ASKED = st.tuples(st.sampled_from(IDS), st.none() | st.sampled_from(IDS))


def done(desk: Catalogue, duplicate: UUID, into: UUID | None) -> tuple[Catalogue, Refusal | None]:
    """A merge, or with nothing to merge into its undoing."""
    kind, more = (s.UndoOrganisationMerge, {}) if into is None else (s.MergeOrganisation, {"into": into})
    try:
        return folded(desk, *decide(wish(kind, organisation_id=duplicate, **more), desk, desk)), None
    except Refusal as refusal:
        return desk, refusal


@settings(max_examples=300)
@for_all(asked=st.lists(ASKED, max_size=25), last=st.tuples(st.sampled_from(IDS), st.sampled_from(IDS)))
def test_any_merges_and_undoings_leave_what_a_list_of_pairs_would_tell_and_undoing_restores(asked, last):
    desk, pairs = DESK, {}
    for duplicate, into in asked:
        desk, refusal = done(desk, duplicate, into)
        taken = duplicate in pairs or into in pairs or duplicate == into
        if into is None:
            pairs.pop(duplicate, None)
        elif pairs.get(duplicate) != into:
            assert (refusal is not None) is taken
            pairs |= {} if taken else {duplicate: into}
    merges = desk.organisations
    assert dict(merges.into) == pairs
    for one in IDS:
        same = {each for each in IDS if end_of(pairs, each) == end_of(pairs, one)}
        assert (set(merges.records(one)), merges.survivor(one)) == (same, end_of(pairs, one))
        assert len(merges.records(one)) == len(same)
    after, refusal = done(desk, *last)
    if refusal is None and after != desk:
        assert done(after, last[0], None)[0] == desk


def end_of(pairs: dict[UUID, UUID], one: UUID) -> UUID:
    return end_of(pairs, pairs[one]) if one in pairs else one

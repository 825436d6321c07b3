"""The customer a ticket is for."""

import pytest
from pydantic import ValidationError

from domain import requester as r
from domain import requester_ties as ties
from domain.errors import InvalidInput
from domain.event import ERASED
from domain.setup.tags import TagRenamed
from domain.values import Contact
from tests.domain.kit import DESK, folded, given, id_of, wish

ZOE = r.RequesterRegistered(requester_name="Zoe", email="zoe@example.com", phone="1")
ERASING = r.RequesterErasureRequested(reason="GDPR")
GONE = (ERASING, r.RequesterWasErased())
ABOUT = {"requester": id_of("zoe")}


def test_a_customer_is_registered_once():
    given().when(r.RegisterRequester, requester_name="Zoe", email="zoe@example.com", phone="1").then(ZOE)
    given(ZOE).when(r.RegisterRequester, requester_name="Zoe").then_refused(r.RequesterExists, **ABOUT)
    given(ZOE, *GONE).when(r.RegisterRequester, requester_name="Zoe").then_refused(r.RequesterExists)


def test_a_customer_has_a_name():
    with pytest.raises(ValidationError):
        wish(r.RegisterRequester, requester_name=" ")


def test_what_is_not_given_stays():
    (
        given(ZOE)
        .when(r.ChangeRequester, phone="2")
        .then(r.RequesterChanged(requester_name="Zoe", email="zoe@example.com", phone="2"))
    )


def test_the_same_again_changes_nothing():
    given(ZOE).when(r.ChangeRequester, requester_name="Zoe", phone="1").then_nothing()
    given(ZOE).when(r.ChangeRequester).then_nothing()


def test_an_address_and_a_number_can_be_taken_away():
    bare = r.RequesterChanged(requester_name="Zoe")
    given(ZOE).when(r.ChangeRequester, clear={"email", "phone"}).then(bare)
    given(ZOE, bare).when(r.ChangeRequester, clear={"email", "phone"}).then_nothing()


def test_a_thing_is_not_set_and_cleared_at_once():
    sentence = given(ZOE).when(r.ChangeRequester, email="x", clear={"email"}).then_refused(InvalidInput, field="clear")
    assert sentence == "clear: email cannot be given and cleared at once"


def test_a_name_cannot_be_taken_away():
    with pytest.raises(ValidationError):
        wish(r.ChangeRequester, clear={"requester_name"})


def test_a_stranger_is_to_be_registered_first():
    sentence = given().when(r.ChangeRequester, phone="2").then_refused(r.UnknownRequester, **ABOUT)
    assert "/api/v1/requesters" in sentence
    given().when(r.EraseRequester, reason="x").then_refused(r.UnknownRequester)
    given().when(r.ConfirmRequesterErasure).then_refused(r.UnknownRequester)


def test_being_forgotten_is_asked_for_once_and_hides_the_customer_at_once():
    state = given(ZOE).when(r.EraseRequester, reason="GDPR").then(ERASING)
    assert (state.requester_name, state.email, state.phone) == (ERASED, ERASED, ERASED)
    given(ZOE, ERASING).when(r.EraseRequester, reason="again").then_nothing()


def test_being_forgotten_is_confirmed_once_and_only_when_asked_for():
    assert given(ZOE, ERASING).when(r.ConfirmRequesterErasure).then(r.RequesterWasErased()).erased
    given(ZOE, *GONE).when(r.ConfirmRequesterErasure).then_nothing()
    sentence = given(ZOE).when(r.ConfirmRequesterErasure).then_refused(r.RequesterErasureNotRequested, **ABOUT)
    assert sentence.endswith("Ask for that first.")


@pytest.mark.parametrize("progress", [(ERASING,), GONE])
def test_a_forgotten_customer_cannot_be_changed(progress):
    given(ZOE, *progress).when(r.ChangeRequester, phone="2").then_refused(r.RequesterErased, **ABOUT)


CONTACTS = (Contact(kind="WeChat", value="zoe-w"),)
GOLD = r.RequesterClassified(tier="gold", plan="premium", organisation_id=id_of("acme"), tags=("vip",))
TWIN, THIRD = id_of("twin"), id_of("third")


def test_a_customer_is_registered_with_all_that_is_known():
    given_values = {"tier": "gold", "plan": "premium", "organisation_id": id_of("acme"), "tags": ("vip", "vip")}
    state = (
        given()
        .when(r.RegisterRequester, requester_name="Zoe", contacts=CONTACTS, **given_values)
        .then(r.RequesterRegistered(requester_name="Zoe"), GOLD, r.RequesterContactsSet(contacts=CONTACTS))
    )
    assert (state.tier, state.contacts, state.tags) == ("gold", CONTACTS, ("vip",))


def test_each_kind_of_thing_changes_by_itself():
    given(ZOE, GOLD).when(r.ChangeRequester, contacts=CONTACTS).then(r.RequesterContactsSet(contacts=CONTACTS))
    given(ZOE, GOLD).when(r.ChangeRequester, clear={"tier", "organisation_id"}).then(
        r.RequesterClassified(plan="premium", tags=("vip",))
    )
    given(ZOE, GOLD).when(r.ChangeRequester, tags=(), tier="gold").then(GOLD.model_copy(update={"tags": ()}))
    given(ZOE, GOLD).when(r.ChangeRequester, tier="gold", tags=("vip",), plan="premium").then_nothing()
    renamed = folded(DESK, TagRenamed(tag="vip", to="VIP"))
    given(ZOE, desk=renamed).when(r.ChangeRequester, tags=("vip", "VIP")).then(r.RequesterClassified(tags=("VIP",)))


def test_a_forgotten_customer_s_contacts_are_gone_at_once():
    state = given(ZOE, r.RequesterContactsSet(contacts=CONTACTS)).when(r.EraseRequester, reason="GDPR").then(ERASING)
    assert state.contacts is ERASED


def test_a_customer_is_blocked_and_unblocked_once():
    blocked = ties.RequesterWasBlocked(ticket="T-1")
    assert given(ZOE).when(ties.BlockRequester, ticket="T-1").then(blocked).blocked
    given(ZOE, blocked).when(ties.BlockRequester).then_nothing()
    assert not given(ZOE, blocked).when(ties.UnblockRequester).then(ties.RequesterWasUnblocked()).blocked
    given(ZOE).when(ties.UnblockRequester).then_nothing()
    given().when(ties.BlockRequester).then_nothing()


def test_a_duplicate_goes_on_as_the_other_and_brings_its_own_duplicates():
    absorbed = ties.RequesterAbsorbed(absorbed=TWIN)
    merged = ties.RequesterMergedInto(into=THIRD, brings=(TWIN,))
    assert given(ZOE, absorbed).when(ties.MergeRequester, into=THIRD).then(merged).merged_into == THIRD
    given(ZOE, merged).when(ties.MergeRequester, into=THIRD).then_nothing()
    given(ZOE, merged).when(ties.MergeRequester, into=TWIN).then_refused(r.RequesterMergedAway, into=THIRD)
    given(ZOE, merged).when(r.ChangeRequester, phone="2").then_refused(r.RequesterMergedAway, into=THIRD)
    given(ZOE).when(ties.MergeRequester, into=id_of("zoe")).then_refused(InvalidInput, field="into")
    given().when(ties.MergeRequester, into=THIRD).then_refused(r.UnknownRequester)


def test_a_merge_taken_back_leaves_both_exactly_as_they_were():
    merged = ties.RequesterMergedInto(into=THIRD, brings=())
    before = given(ZOE).when(ties.UndoRequesterMerge)
    before.then_nothing()
    after = given(ZOE, merged).when(ties.UndoRequesterMerge).then(ties.RequesterMergeUndone(into=THIRD))
    assert after == before.state
    third = (ZOE, ties.RequesterAbsorbed(absorbed=TWIN, brings=(id_of("a"), id_of("b"))))
    assert given(*third).when(ties.UnblockRequester).state.absorbed == {TWIN, id_of("a"), id_of("b")}
    released = given(*third).when(ties.ReleaseRequester, released=TWIN).then(ties.RequesterReleased(released=TWIN))
    assert released == before.state


def test_of_two_merged_into_each_other_at_once_one_stays():
    lower, upper = sorted((id_of("zoe"), TWIN))
    into_upper = ties.RequesterMergedInto(into=upper)
    stays = given(ZOE, into_upper).when(ties.AbsorbRequester, requester_id=lower, absorbed=upper, brings=(lower,))
    stays.then(ties.RequesterMergeUndone(into=upper), ties.RequesterAbsorbed(absorbed=upper))
    into_lower = ties.RequesterMergedInto(into=lower)
    given(ZOE, into_lower).when(ties.AbsorbRequester, requester_id=upper, absorbed=lower).then_nothing()


def test_the_other_side_of_a_merge_never_refuses_and_nothing_happens_twice():
    absorbed = ties.RequesterAbsorbed(absorbed=TWIN)
    given(ZOE).when(ties.AbsorbRequester, absorbed=TWIN).then(absorbed)
    given(ZOE, absorbed).when(ties.AbsorbRequester, absorbed=TWIN).then_nothing()
    given().when(ties.AbsorbRequester, absorbed=TWIN).then_nothing()
    given(ZOE).when(ties.ReleaseRequester, released=TWIN).then_nothing()

"""The customer a ticket is for."""

import pytest
from pydantic import ValidationError

from domain import requester as r
from domain.errors import InvalidInput
from domain.event import ERASED
from tests.domain.kit import given, id_of, wish

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

"""Known tags: coloured, renamed, merged."""

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.catalogue import KnownTag
from domain.errors import InvalidInput
from domain.setup import tags as s
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.workspace import AlreadyThere
from tests.domain.kit import DESK, folded, given, opened, wish

PRINTER = s.TagSet(tag="printer", colour="#ff8800")
RENAMED = s.TagRenamed(tag="printer", to="打印机")


def test_a_tag_has_a_colour():
    assert given().when(s.SetTag, tag="printer", colour="#ff8800").then(PRINTER).tags["printer"].colour == "#ff8800"
    given(PRINTER).when(s.SetTag, tag="printer", colour="#ff8800").then_nothing()
    with pytest.raises(ValidationError):
        wish(s.SetTag, tag="printer", colour="orange")


def test_a_retired_tag_is_offered_no_longer_until_it_is_set_again():
    retired = s.TagRetired(tag="printer")
    assert not given(PRINTER).when(s.RetireTag, tag="printer").then(retired).tags["printer"].active
    given(PRINTER, retired).when(s.RetireTag, tag="printer").then_nothing()
    given().when(s.RetireTag, tag="printer").then_nothing()
    assert given(PRINTER, retired).when(s.SetTag, tag="printer", colour="#ff8800").then(PRINTER).tags["printer"].active


def test_a_renamed_tag_keeps_its_colour_and_answers_to_its_old_name():
    desk = given(PRINTER).when(s.RenameTag, tag="printer", to="打印机").then(RENAMED)
    assert (desk.tag("printer"), desk.tags) == ("打印机", {"打印机": KnownTag("打印机", "#ff8800")})
    given(PRINTER, RENAMED).when(s.RenameTag, tag="printer", to="打印机").then_nothing()
    given(PRINTER, s.TagSet(tag="vip")).when(s.RenameTag, tag="printer", to="vip").then_refused(AlreadyThere, key="vip")


def test_tags_are_merged_and_what_led_to_them_leads_on():
    desk = (
        given(PRINTER, RENAMED)
        .when(s.MergeTags, tags={"printer", "printers", "hw"}, into="hw")
        .then(s.TagMerged(tag="printers", into="hw"), s.TagMerged(tag="打印机", into="hw"))
    )
    assert {desk.tag(name) for name in ("printer", "printers", "打印机", "hw")} == {"hw"}
    given(s.TagMerged(tag="a", into="b")).when(s.MergeTags, tags={"a"}, into="b").then_nothing()
    given().when(s.MergeTags, tags={"a"}, into="a").then_refused(InvalidInput, field="into")


def test_a_name_that_was_given_up_still_means_the_tag():
    given(PRINTER, RENAMED).when(s.SetTag, tag="printer").then(s.TagSet(tag="打印机"))
    given(PRINTER, RENAMED, s.TagSet(tag="vip")).when(s.RenameTag, tag="vip", to="printer").then_refused(AlreadyThere)
    desk = (
        given(PRINTER, RENAMED)
        .when(s.RenameTag, tag="打印机", to="printer")
        .then(s.TagRenamed(tag="打印机", to="printer"))
    )
    assert (desk.tag("printer"), desk.tag("打印机")) == ("printer", "printer")


NAMES = st.sampled_from("abcd")
WISHES = st.one_of(
    st.builds(lambda tag: (s.SetTag, {"tag": tag}), NAMES),
    st.builds(lambda tag, to: (s.RenameTag, {"tag": tag, "to": to}), NAMES, NAMES),
    st.builds(lambda tags, into: (s.MergeTags, {"tags": tags, "into": into}), st.sets(NAMES, min_size=1), NAMES),
)


@for_all(st.lists(WISHES, max_size=12))
def test_what_was_one_tag_stays_one_and_its_present_name_is_its_own(wishes):
    desk = DESK
    for kind, asked in wishes:
        outcome = given(desk=desk).when(kind, **asked)
        after = folded(desk, *outcome.events)
        assert all(after.tag(desk.tag(name)) == after.tag(name) for name in "abcd")
        assert all(after.tag(after.tag(name)) == after.tag(name) for name in "abcd")
        desk = after


def test_a_ticket_is_tagged_under_the_present_name():
    desk = folded(DESK, PRINTER, RENAMED)
    given(opened(), desk=desk).when(c.TagTicket, add={"printer"}).then(e.TicketTagged(tag="打印机"))
    given(opened(tags=("printer",)), desk=desk).when(c.TagTicket, add={"打印机", "printer"}).then_nothing()
    fresh = given(desk=desk).when(c.OpenTicket, title="x", tags=("printer", "打印机"))
    assert fresh.events[0].tags == ("打印机",)


@pytest.mark.parametrize("name", ["printer", "打印机"])
def test_a_renamed_tag_comes_off_under_both_names(name):
    desk = folded(DESK, PRINTER, RENAMED)
    ticket = (
        given(opened(tags=("printer", "x")), desk=desk)
        .when(c.TagTicket, remove={name})
        .then(e.TicketUntagged(tag="printer"), e.TicketUntagged(tag="打印机"))
    )
    assert ticket.tags == {"x"}

"""Texts and queries as terms; which stretch of a text a query marks."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.search_marks import SNIPPET, marked, snippet
from projections.search_terms import LONGEST, NothingToSearch, folded, parsed, terms
from projections.ticket_search import ordered


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("坏了", {"坏", "了", "坏了"}),
        ("打印机", {"打", "印", "机", "打印", "印机"}),
        ("The Printer", {"the", "printer"}),
        ("order-2024/77", {"order-2024/77", "order", "2024", "77"}),
        ("ＩＮＣ０００１", {"inc0001"}),
        ("Straße", {"strasse"}),
        ("room二楼", {"room", "二", "楼", "二楼"}),
        ("... !?", set()),
        ("x" * 100, {"x" * LONGEST}),
    ],
)
def test_what_a_text_can_be_found_by(text, found):
    assert terms(text) == found


@given(st.text(st.characters(max_codepoint=0x2FF)))
def test_texts_are_compared_normalised_and_without_case(text):
    assert folded(text) == unicodedata.normalize("NFKC", text).casefold()


def test_a_query_asks_for_the_fewest_terms_that_say_it():
    query = parsed('打印机 Printer "second floor" -toner 坏')
    assert query.exact == ("打印", "印机", "second", "floor", "坏")
    assert query.prefixes == ("printer",)
    assert query.phrases == ("second floor",)
    assert query.without == ("toner",)


@pytest.mark.parametrize("text", ["", "  ", "?!", "-only -without", '""', '"'])
def test_nothing_to_search_for_is_refused(text):
    with pytest.raises(NothingToSearch):
        parsed(text)


@given(st.text(max_size=200))
def test_whatever_is_typed_is_a_query_or_refused(text):
    try:
        query = parsed(text)
    except NothingToSearch:
        return
    assert query.exact or query.prefixes


@given(st.text(min_size=1, max_size=60))
def test_every_text_is_found_by_itself(text):
    try:
        query = parsed('"' + text.replace('"', " ") + '"')
    except NothingToSearch:
        return
    assert set(query.exact) <= terms(text)


@given(st.text(max_size=300), st.lists(st.text(min_size=1, max_size=5), max_size=4))
def test_marks_are_in_order_apart_and_within_the_text(text, words):
    for found in (marked(text, words), snippet(text, words)):
        ends = [place for mark in found.marks for place in mark]
        assert ends == sorted(ends)
        assert all(0 <= place <= len(found.text) for place in ends)
        assert all(start < end for start, end in found.marks)


def test_a_snippet_shows_the_first_place_and_what_is_around():
    found = snippet("a " * 300 + "needle" + " b" * 300, ["needle"])
    ((start, end),) = found.marks
    assert found.text[start:end] == "needle"
    assert (found.text[0], found.text[-1], len(found.text)) == ("…", "…", SNIPPET + 2)


@given(st.sets(st.text()), st.sets(st.text()))
def test_terms_are_written_in_order_whatever_was_listed_before(now, before):
    assert ordered(now, sorted(before)) == sorted(now)
    assert ordered(now | before, sorted(before)) == sorted(now | before)

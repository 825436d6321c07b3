"""What a condition accepts as a regular expression means the same in memory and in PostgreSQL, and is cheap in both."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as for_all
from hypothesis import strategies as st

from domain.conditions import InvalidCondition
from domain.conditions.folding import fold
from domain.conditions.patterns import searcher, translated, word

MATCH = """
    SELECT casefold(text COLLATE "pg_unicode_fast") ~ %s FROM unnest(%s::text[]) WITH ORDINALITY AS texts (text, place)
    ORDER BY place"""
LETTERS = "aAbsSßİKſ打印😀éσς1_ -\\\n%.#"
TEXTS = [
    "",
    "a",
    "AAA",
    "aab",
    "Straße",
    "STRASSE",
    "打印机",
    "İs",
    "K",
    "a\nb",
    "a\n",
    "1-2",
    "😀😀",
    "\\",
    "%_",
    "Σς",
    "ab ab",
    "é1",
]

literals = st.sampled_from([*"aAbsSßİKſ打😀éσ1_ %#-", r"\.", r"\\", r"\n", r"\d", r"\W", r"\s", ".", r"\[", r"\-"])
members = st.sampled_from([*"aASK打é1_", "a-z", "A-Z", "一-龥", "0-9", r"\d", r"\w", r"\]", "İ-ı", "à-ÿ", "😀-😂"])
brackets = st.builds(
    "[{}{}]".format, st.sampled_from(["", "^"]), st.lists(members, min_size=1, max_size=3).map("".join)
)
repeats = st.sampled_from(["", "", "*", "+", "?", "+?", "{2}", "{1,}", "{0,2}", "{0}"])
anchors = st.sampled_from(["^", "$"])
patterns = st.recursive(
    st.builds("{}{}".format, literals | brackets, repeats) | anchors,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).map("".join)
        | st.builds("({}|{})".format, inner, inner)
        | st.builds("(?:{}){}".format, inner, repeats)
    ),
    max_leaves=8,
)
noise = st.text(st.sampled_from("ab()[]{}|*+?^$.\\-,12dws:ß"), min_size=1, max_size=10)
texts = st.lists(st.text(st.sampled_from(LETTERS), max_size=6), max_size=5)


@pytest.fixture
def postgres(empty_database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(empty_database_url, autocommit=True) as db:
        yield db


def in_postgres(db: psycopg.Connection[Any], pattern: str, texts: list[str]) -> list[bool]:
    return [matched for (matched,) in db.execute(MATCH, [pattern, texts])]


@settings(max_examples=500, suppress_health_check=list(HealthCheck))
@for_all(asked=patterns | noise, texts=texts)
def test_a_pattern_means_the_same_to_both(postgres, asked, texts):
    try:
        pattern = translated(asked)
    except InvalidCondition:
        return
    texts = TEXTS + texts
    assert in_postgres(postgres, pattern, texts) == [searcher(pattern)(fold(text)) for text in texts]


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@for_all(asked=st.text(st.sampled_from(LETTERS), min_size=1, max_size=4), texts=texts)
def test_a_word_is_the_same_to_both(postgres, asked, texts):
    texts = [*TEXTS, *texts, *(f"{one}{asked}{other}" for one in "a打 .ß" for other in "a打 .ß")]
    assert in_postgres(postgres, word(asked), texts) == [searcher(word(asked))(fold(text)) for text in texts]


@pytest.mark.parametrize(
    "asked",
    [
        "(a|a)*b",
        "(a|aa)*$b",
        "a*a*a*a*a*a*b",
        "(?:a?){100}b",
        ".*.*.*.*=",
        "[^b]{200}b",
        "(a|.{0,50}){0,15}b",
        "(a?b?c?){30}$x",
    ],
)
def test_no_pattern_explodes_in_postgres(postgres, asked):
    postgres.execute("SET statement_timeout = '60s'")
    assert in_postgres(postgres, translated(asked), ["a" * 100_000]) == [False]

"""Regular expressions of conditions: what they match, what is refused, and that none takes long."""

import re

import pytest

from domain.conditions import InvalidCondition
from domain.conditions.folding import fold
from domain.conditions.patterns import searcher, translated, word


def matches(pattern: str, text: str) -> bool:
    return searcher(translated(pattern))(fold(text))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("STRASSE", "Die Straße"),
        ("stra(ß|ss)e", "STRASSE"),
        ("^a.c$", "a\nc"),
        (r"\d{3}-\d+", "order 123-4"),
        (r"[\d\s]{2}", "x1 "),
        (r"[^\d]", "x"),
        (r"\(\[\{\\\^\$\.\|\?\*\+\}\]\)", r"([{\^$.|?*+}])"),
        ("[A-Z]{3}", "abc"),
        ("[А-Я]+$", "привет"),
        ("[一-龥]{2}", "打印"),
        ("[-a]{2}", "-a"),
        ("[a-]{2}", "a-"),
        (r"[\]\-\\]{3}", r"]-\\"),
        ("(?:ab)*?c", "C"),
        ("a{2}b{1,}c{0,2}", "aabb"),
        ("ß{2}", "ssss"),
        ("😀+", "x😀😀"),
        (r"\t\n", "a\t\nb"),
        ("}]", "x}]"),
    ],
)
def test_it_matches(pattern, text):
    assert matches(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^a$", "a\n"),
        ("^$", "x"),
        (r"\w", "é打😀"),
        (r"\d", "٣"),
        ("[^a]", "AaA"),
        ("a{3}", "aa"),
        ("ß{2}", "sss"),
        (r"\W", "Az_9"),
    ],
)
def test_it_does_not_match(pattern, text):
    assert not matches(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"(a)\1", "only .d .w .s"),
        ("(?=a)", "without looking ahead"),
        ("(?<!a)", "without looking ahead"),
        ("(?P<n>a)", "names"),
        ("(?i)a", "options"),
        ("(a+)+", "without end"),
        ("((a|b)*c)*", "without end"),
        ("(a{2,}b){3,}", "without end"),
        ("a**", "use brackets"),
        ("a+{2}", "use brackets"),
        ("*a", "nothing to repeat"),
        ("a|*", "nothing to repeat"),
        ("a||b", "alternative is empty"),
        ("()", "alternative is empty"),
        ("", "alternative is empty"),
        ("(a", "closing bracket is missing"),
        ("a)", "closing bracket too many"),
        ("[a", "ends too early"),
        ("[]", "empty"),
        ("[[:alpha:]]", r"write \\\["),
        ("[z-a]", "upwards"),
        ("[\\D]", "only"),
        ("[ß]", "outside of"),
        ("[\u0100-\U0010ffff]", "at most 50000"),
        ("a{256}", "0 to 255"),
        ("a{3,2}", r"\{2,5\}"),
        ("a{x}", "0 to 255"),
        ("((a{200}){200}){200}", "too large"),
        ("^*", "cannot be repeated"),
        (r"\bword\b", "contains_word"),
        (r"\p{L}", "only"),
        ("a\\", "ends too early"),
        ("(" * 11 + "a" + ")" * 11, "10 deep"),
        ("a" * 201, "at most 200"),
    ],
)
def test_it_is_refused(pattern, said):
    with pytest.raises(InvalidCondition, match=said):
        translated(pattern)


@pytest.mark.parametrize(
    "pattern", ["(a|a)*b", "(a|aa)*$b", "a*a*a*a*a*a*b", "(?:a?){100}b", ".*.*.*.*=", "[^b]{200}b"]
)
def test_no_pattern_explodes(pattern):
    # An engine that tries one way after the other would need years: the test would run into its time-out.
    assert not matches(pattern, "a" * 100_000)


@pytest.mark.parametrize(
    ("asked", "text", "expected"),
    [
        ("print", "Print it", True),
        ("print", "printer", False),
        ("print", "re-print!", True),
        ("straße", "STRASSE 7", True),
        ("stra", "Straße", False),
        ("打印", "我的打印机", True),
        ("c++", "C++11", True),
        ("c++", "abc++", False),
        ("é", "café", False),
        ("caf", "café", False),
        ("при", "привет", False),
        ("a b", "x a b.", True),
        (".*", "abc", False),
    ],
)
def test_words(asked, text, expected):
    assert searcher(word(asked))(fold(text)) is expected


def test_one_spelling_serves_both_engines():
    assert re.fullmatch(r"[\x20-\x7e]+", translated("[一-龥à-ž]+straße😀"))

"""Texts and queries as terms: words, and for scripts without spaces single characters and pairs of neighbours.

Both sides go through the same folding (NFKC, then case), so that ｉＮＣ０００１ finds INC0001 and STRASSE finds Straße.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from operator import add

from domain.errors import Refusal

# Chinese, Japanese and Korean: written without spaces, or with endings that a whole word would hide.
CJK = "\u1100-\u11ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u3130-\u318f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
_JOINTS = "[-_.@/:'’+#&]"
_WORD = rf"[^\W_{CJK}]+(?:{_JOINTS}[^\W_{CJK}]+)*"
_RUNS = re.compile(rf"(?P<cjk>[{CJK}]+)|(?P<word>{_WORD})")
_WORDS, _CJK_RUNS = re.compile(_WORD), re.compile(f"[{CJK}]+")
_ASCII_WORDS = re.compile(rf"[a-z0-9]+(?:{_JOINTS}[a-z0-9]+)*")
_PARTS = re.compile(r"[^\W_]+")
_ASKED = re.compile(r'(?P<minus>-?)(?:"(?P<phrase>[^"]*)"?|(?P<plain>[^\s"]+))')
# Longer words are cut: nobody types them, and an index entry must fit into a page.
LONGEST = 64
MOST_ASKED, LONGEST_QUERY = 12, 500
# Words shorter than this are looked for as they are, since their beginnings are those of half of all words.
SHORTEST_PREFIX = 2


class NothingToSearch(Refusal):
    """The query has no letter and no digit, or only words to leave out."""

    code = "nothing_to_search"
    status = 422
    sentence = 'Type at least one word, number or character to search for; -word leaves out, "some words" must follow each other.'


def folded(text: str) -> str:
    """As terms are compared."""
    # Nothing of ASCII is normalised, and there the shorter way to small letters is the same.
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", text).casefold()


def terms(text: str) -> set[str]:
    """What a text can be found by."""
    said = folded(text)
    # What is ASCII is looked through by an expression without the long list of scripts: a third of the time.
    plain = said.isascii()
    words = set((_ASCII_WORDS if plain else _WORDS).findall(said))
    found = {word[:LONGEST] for word in words}
    for word in words:
        if not word.isalnum():
            found.update(part[:LONGEST] for part in _PARTS.findall(word))
    if not plain:
        for run in _CJK_RUNS.findall(said):
            found.update(run)
            found.update(map(add, run, run[1:]))
    return found


def is_word(term: str) -> bool:
    """Whether a term is a word, which is also found by its beginning."""
    return not re.match(f"[{CJK}]", term)


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked: terms that must all be there, beginnings of words, phrases, and what must not be there."""

    exact: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    # What to mark in texts, as it was typed.
    marked: tuple[str, ...] = ()


def parsed(text: str) -> Query:
    """A query as people type it, or NothingToSearch."""
    exact: list[str] = []
    prefixes: list[str] = []
    phrases: list[str] = []
    without: list[str] = []
    marked: list[str] = []
    for asked in list(_ASKED.finditer(folded(text[:LONGEST_QUERY])))[:MOST_ASKED]:
        words = asked["plain"] if asked["phrase"] is None else asked["phrase"]
        found = list(dict.fromkeys(_needed(words)))
        if asked["minus"]:
            without += found
            continue
        whole = asked["phrase"] is not None
        prefixes += [] if whole else [term for term in found if is_word(term) and len(term) >= SHORTEST_PREFIX]
        exact += [term for term in found if whole or not is_word(term) or len(term) < SHORTEST_PREFIX]
        phrases += [words.strip()] if whole and len(found) > 1 else []
        marked += [words.strip()] if whole else [run[0] for run in _RUNS.finditer(words)]
    if not exact and not prefixes:
        raise NothingToSearch()
    unique = (tuple(dict.fromkeys(each)) for each in (exact, prefixes, phrases, without, marked))
    return Query(*unique)


def _needed(text: str) -> Iterator[str]:
    """The fewest terms that say the same: of a longer run its pairs, of a word with joints the whole."""
    for run in _RUNS.finditer(text):
        found = run[0]
        if run.lastgroup == "word":
            yield found[:LONGEST]
        elif len(found) == 1:
            yield found
        else:
            yield from map(add, found, found[1:])

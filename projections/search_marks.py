"""Where in a text the words of a query stand, and the part of it around the first of them."""

from collections.abc import Sequence
from typing import NamedTuple

from projections.search_terms import folded

# Characters of a snippet, and how many of them come before the first mark.
SNIPPET, BEFORE = 200, 60


class Marked(NamedTuple):
    """A text, and the stretches to mark as [start, end) in characters."""

    text: str
    marks: list[tuple[int, int]]


def marked(text: str, words: Sequence[str]) -> Marked:
    """The text with what was asked for marked, longest words first, none within another."""
    plain, places = _folded(text)
    found: list[tuple[int, int]] = []
    for word in sorted(filter(None, words), key=len, reverse=True):
        start = plain.find(word)
        while start >= 0:
            first, last = places[start], places[start + len(word) - 1] + 1
            if all(last <= other or first >= end for other, end in found):
                found.append((first, last))
            start = plain.find(word, start + len(word))
    return Marked(text, sorted(found))


def _folded(text: str) -> tuple[str, Sequence[int]]:
    """The text as it is compared, and for each of its characters the place of the one that it came from."""
    plain = folded(text)
    if len(plain) == len(text):
        return plain, range(len(text))
    # Folding lengthens some characters (ß, ㎏) and joins others.
    letters = [(piece, place) for place, letter in enumerate(text) for piece in folded(letter)]
    return "".join(piece for piece, _ in letters), [place for _, place in letters]


def snippet(text: str, words: Sequence[str]) -> Marked:
    """The stretch of a long text around the first mark."""
    whole = marked(text, words)
    start = max(0, (whole.marks[0][0] if whole.marks else 0) - BEFORE)
    end = start + SNIPPET
    marks = [(first - start, min(last, end) - start) for first, last in whole.marks if start <= first < end]
    return Marked(
        ("…" if start else "") + text[start:end] + ("…" if end < len(text) else ""), _moved(marks, bool(start))
    )


def _moved(marks: list[tuple[int, int]], cut: bool) -> list[tuple[int, int]]:
    return [(first + cut, last + cut) for first, last in marks]

"""Data that looks like a real desk's: when tickets come, how long texts are, how many events a ticket has. Seeded."""

import random
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import NamedTuple

from cli.demo.plan import arrivals
from cli.demo.stories import BLANKS, PLACES, STORIES

SHORTEST, LONGEST = 10, 20_000
# Log-normal bytes of a text: half are below 300 bytes, one in a hundred above 5 kB.
MEDIAN_LOG, SPREAD = 5.7, 1.2
CHINESE = 0.5
_BYTES_A_CHARACTER = {"zh": 3, "en": 1}
# How many of 600 tickets of a real incident log have 5, 6, 7 ... events.
FEWEST_EVENTS = 5
EVENTS_A_TICKET = (
    *(17, 68, 98, 68, 69, 63, 51, 32, 26, 21, 14, 10, 15, 7, 8, 5, 4, 6, 4, 1, 2, 3, 1, 3, 1),
    *(0, 1, 0, 1, 1),
)
# What happens between a ticket's opening and its end, by how often it does in that log, with a desk's own messages.
STEPS = {"moved": 12, "assigned": 21, "fields_set": 8, "prioritised": 1, "replied": 20, "noted": 15, "tagged": 3}


class Life(NamedTuple):
    """A ticket to come: when it opens, what it says, and what happens to it, ending with its close."""

    opened_at: datetime
    title: str
    description: str
    steps: tuple[str, ...]


def texts(seed: int, count: int) -> Iterator[tuple[str, str]]:
    """Titles and descriptions. Cheap to draw: the words are made beforehand, each text is a cut out of them."""
    chance = random.Random(seed)
    corpora = {language: _corpus(chance, language) for language in _BYTES_A_CHARACTER}
    return (_text(chance, corpora) for _ in range(count))


def _text(chance: random.Random, corpora: dict[str, tuple[list[str], str]]) -> tuple[str, str]:
    language = "zh" if chance.random() < CHINESE else "en"
    titles, prose = corpora[language]
    size = min(max(int(chance.lognormvariate(MEDIAN_LOG, SPREAD)), SHORTEST), LONGEST)
    length = max(size // _BYTES_A_CHARACTER[language], SHORTEST)
    start = int(chance.random() * (len(prose) - length))
    return titles[int(chance.random() * len(titles))], prose[start : start + length]


def _corpus(chance: random.Random, language: str) -> tuple[list[str], str]:
    """Titles, and a prose longer than the longest text."""
    stories = [story for story in STORIES if story.language == language]
    words = {**BLANKS, "place": PLACES[language]}
    titles, prose, size = [], [], 0
    while size < 3 * LONGEST:
        story = chance.choice(stories)
        filled = {name: chance.choice(choices) for name, choices in words.items()}
        parts = (story.description, story.question, story.answer, story.note, story.solution)
        titles.append(chance.choice(story.titles).format(**filled))
        prose.append(" ".join(part.format(**filled) for part in parts))
        size += len(prose[-1])
    return titles, "\n".join(prose)


def lives(seed: int, count: int, end: datetime, days: int = 30) -> Iterator[Life]:
    """Tickets of the days before `end` with their whole histories, oldest first."""
    chance = random.Random(seed)
    sizes = range(FEWEST_EVENTS, FEWEST_EVENTS + len(EVENTS_A_TICKET))
    for opened_at, (title, description) in zip(arrivals(chance, end, count, days), texts(seed, count), strict=True):
        events = chance.choices(sizes, EVENTS_A_TICKET)[0]
        steps = chance.choices(
            list(STEPS), list(STEPS.values()), k=events - 3
        )  # beside the opening, the resolution and the close
        yield Life(opened_at, title, description, tuple(chain(steps, ("resolved", "closed"))))

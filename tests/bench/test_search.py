"""The measurement of searches fills a desk of its own, and finds something there."""

from bench import search


def test_every_question_is_asked_of_a_filled_desk(database_url, monkeypatch):
    monkeypatch.setattr(search, "ROUNDS", 1)
    search._filled(database_url, 300)
    taken = search._asked(database_url)
    assert {query: len(times) for query, times in taken.items()} == dict.fromkeys(search.QUERIES, 1)

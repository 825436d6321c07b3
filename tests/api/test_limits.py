"""Token buckets, by a clock of our own."""

import pytest

from api import limits
from api.errors import RateLimited
from api.limits import Buckets


def test_a_bucket_that_is_empty_says_when_to_come_back():
    now = 0.0
    buckets = Buckets(12, lambda: now)
    for _ in range(2):
        buckets.take("ann")
    with pytest.raises(RateLimited) as refused:
        buckets.take("ann")
    now += refused.value.fields["retry_after"]
    buckets.take("ann")


def test_looking_takes_nothing():
    buckets = Buckets(12, lambda: 0.0)
    for _ in range(5):
        buckets.check("ann")
    for _ in range(2):
        buckets.take("ann")
    with pytest.raises(RateLimited):
        buckets.check("ann")


@pytest.mark.parametrize("ask", [Buckets.take, Buckets.check])
def test_who_is_refused_is_not_forgotten_for_others(monkeypatch, ask):
    monkeypatch.setattr(limits, "REMEMBERED", 2)
    buckets = Buckets(6, lambda: 0.0)
    buckets.take("greedy")
    for other in range(5):
        buckets.take(other)
        with pytest.raises(RateLimited):
            ask(buckets, "greedy")

"""Sets of places: kept in chunks they are the same sets, and the same set is always the same bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections import place_sets
from projections.place_sets import CHUNK, Places

few = st.sets(st.integers(0, CHUNK - 1), max_size=80)
# Around the size at which a chunk is written in the other way.
inside = st.one_of(few, st.integers(50, 300).map(lambda size: set(range(7, 7 + size))))
anywhere = st.sets(st.integers(0, 5 * CHUNK), max_size=300)


@given(first=inside, more=few, fewer=few)
def test_what_is_in_a_chunk_does_not_depend_on_how_it_got_there(
    first: set[int], more: set[int], fewer: set[int]
) -> None:
    more -= fewer
    kept = place_sets.changed(place_sets.changed(b"", first, ()), more, fewer)
    assert kept == place_sets.changed(b"", (first | more) - fewer, ())
    assert kept == place_sets.changed(kept, more, fewer)
    assert set(place_sets.joined([(0, kept)]).listed) == (first | more) - fewer


@given(found=anywhere)
def test_chunks_make_the_set_again(found: set[int]) -> None:
    chunks: dict[int, list[int]] = {}
    for place in found:
        chunks.setdefault(place // CHUNK, []).append(place % CHUNK)
    joined = place_sets.joined([(number, place_sets.changed(b"", places, ())) for number, places in chunks.items()])
    assert joined.bits == place_sets.of_places(found).bits == sum(1 << place for place in found)
    assert list(joined.listed) == sorted(found)
    assert {number: list(joined.of_chunk(number)) for number in range(7)} == {
        number: sorted(number * CHUNK + place for place in chunks.get(number, ())) for number in range(7)
    }


@given(first=anywhere, second=anywhere, listed=st.sampled_from([0, 100, 1000]))
def test_few_and_many_are_the_same_sets(first: set[int], second: set[int], listed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(place_sets, "LISTED", listed)
        one = place_sets.of_places(first)
        patch.setattr(place_sets, "LISTED", 100)
        other = Places(bits=sum(1 << place for place in second)) if listed else place_sets.of_places(second)
        for result, wanted in (
            (one & other, first & second),
            (one | other, first | second),
            (one - other, first - second),
        ):
            assert list(result.listed) == sorted(wanted)
            assert (result.count, bool(result)) == (len(wanted), bool(wanted))
            assert result.bits == sum(1 << place for place in wanted)
            assert int.from_bytes(result.written, "little") == result.bits


@given(found=st.sets(st.integers(0, 400), min_size=1), others=st.sets(st.integers(0, 400)), count=st.integers(1, 60))
def test_how_far_a_walk_goes_until_enough_were_seen(found: set[int], others: set[int], count: int) -> None:
    everything = sorted(found | others)
    sets = place_sets.of_places(found), place_sets.of_places(everything)
    for highest in (False, True):
        seen = steps = 0
        for place in everything[::-1] if highest else everything:
            steps, seen = steps + 1, seen + (place in found)
            if seen == min(count, len(found)):
                break
        assert sets[0].reach(sets[1], count, highest=highest) == steps

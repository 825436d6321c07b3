"""Sets of places: kept in chunks they are the same sets, and the same set is always the same bytes."""

from collections.abc import Iterable

from hypothesis import given, settings
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
    assert set(place_sets.joined([(0, kept)])) == (first | more) - fewer


def chunked(found: Iterable[int]) -> list[tuple[int, bytes]]:
    """The set as the database keeps it."""
    chunks: dict[int, list[int]] = {}
    for place in found:
        chunks.setdefault(place // CHUNK, []).append(place % CHUNK)
    return [(number, place_sets.changed(b"", places, ())) for number, places in chunks.items()]


# Parts of the library's are of 65,536 places: none, a list of few, the longest list, bits of few, of many and of all.
PARTS = (
    range(0),
    range(0, 65_536, 900),
    range(0, 65_536, 16),
    range(3, 65_536, 15),
    range(5, 60_000, 2),
    range(65_536),
)
parts = st.lists(st.sampled_from(PARTS), max_size=4)


@settings(max_examples=40)
@given(of_parts=parts, found=anywhere)
def test_chunks_make_the_set_again(of_parts: list[range], found: set[int]) -> None:
    for key, part in enumerate(of_parts):
        found |= {key * 65_536 + place for place in part}
    joined = place_sets.joined(chunked(found))
    assert joined == place_sets.of_places(found)
    assert list(joined) == sorted(found)
    assert int.from_bytes(place_sets.written(joined), "little") == int.from_bytes(bits_of(found), "little")


def bits_of(found: set[int]) -> bytes:
    """As PostgreSQL's get_bit numbers them."""
    bits = bytearray(max(found, default=0) // 8 + 1)
    for place in found:
        bits[place >> 3] |= 1 << (place & 7)
    return bytes(bits)


def test_a_set_with_spans_in_it_is_written_as_well() -> None:
    spans = Places([*range(100, 70_000), 80_000])
    assert spans.get_statistics()["n_run_containers"]
    assert int.from_bytes(place_sets.written(spans), "little") == int.from_bytes(bits_of(set(spans)), "little")


@given(found=anywhere)
def test_a_chunk_of_a_set_is_what_lies_in_it(found: set[int]) -> None:
    joined = place_sets.joined(chunked(found))
    for number in range(7):
        wanted = sorted(place for place in found if place // CHUNK == number)
        assert list(place_sets.of_chunk(joined, number)) == wanted
        assert place_sets.in_chunk(joined, number) == len(wanted)


@given(first=anywhere, second=anywhere)
def test_what_filters_have_in_common(first: set[int], second: set[int]) -> None:
    one, other = place_sets.joined(chunked(first)), place_sets.of_places(second)
    for result, wanted in ((one & other, first & second), (place_sets.union([one, other]), first | second)):
        assert (list(result), len(result)) == (sorted(wanted), len(wanted))
        assert int.from_bytes(place_sets.written(result), "little") == int.from_bytes(bits_of(wanted), "little")
    assert list(one - other) == sorted(first - second)


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
        assert place_sets.reach(*sets, count, highest=highest) == steps

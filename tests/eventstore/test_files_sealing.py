"""A file under a key of its own: the same comes out, or nothing that was not proven."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventstore.files.errors import FileDamaged
from eventstore.files.sealing import FRAME, MARK, TAG, new_file_key, sealed, unsealed
from tests.eventstore.files import pieces, read

KEY = new_file_key()
SIZES = [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME]


def stored(plain: bytes, key: str = KEY) -> bytes:
    return asyncio.run(read(sealed(pieces(plain), key)))


def plain_of(*parts: bytes, key: str = KEY) -> bytes:
    return asyncio.run(read(unsealed(pieces(*parts), key)))


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_opens(size):
    plain = bytes(n % 251 for n in range(size))
    closed = stored(plain)
    frames = max(1, -(-size // FRAME))
    assert len(closed) == len(MARK) + size + frames * TAG
    assert plain_of(closed) == plain


@given(size=st.sampled_from(SIZES), coming=st.lists(st.integers(0, 2**20)), going=st.lists(st.integers(0, 2**20)))
def test_how_the_bytes_arrive_makes_no_difference(size, coming, going):
    plain = bytes(size)
    closed = asyncio.run(read(sealed(pieces(*cut(plain, coming)), KEY)))
    assert closed == stored(plain)
    assert plain_of(*cut(closed, going)) == plain


@given(st.sampled_from(SIZES), st.integers(0, 2**32), st.integers(0, 7))
def test_a_changed_bit_anywhere_is_found(size, place, bit):
    closed = bytearray(stored(bytes(size)))
    closed[place % len(closed)] ^= 1 << bit
    with pytest.raises(FileDamaged):
        plain_of(bytes(closed))


@given(st.sampled_from(SIZES), st.integers(0, 2**32))
def test_a_file_cut_anywhere_is_found(size, place):
    closed = stored(bytes(size))
    with pytest.raises(FileDamaged):
        plain_of(closed[: place % len(closed)])


def frames_of(closed: bytes) -> list[bytes]:
    step = FRAME + TAG
    return [closed[start : start + step] for start in range(len(MARK), len(closed), step)]


def test_frames_cannot_be_moved_dropped_repeated_or_added():
    first, second, third = frames_of(stored(bytes(3 * FRAME)))
    for order in (
        [second, first, third],
        [first, third],
        [first, second],
        [first, first, second, third],
        [first, second, third, third],
        [first, second, third, b"x"],
        [],
    ):
        with pytest.raises(FileDamaged):
            plain_of(MARK + b"".join(order))


def test_another_files_key_opens_nothing():
    with pytest.raises(FileDamaged):
        plain_of(stored(b"secret"), key=new_file_key())


def test_what_is_proven_is_given_out_before_the_damage_is_met():
    closed = bytearray(stored(b"a" * FRAME + b"b" * FRAME + b"c"))
    closed[-1] ^= 1
    given_out = []

    async def reading():
        async for piece in unsealed(pieces(bytes(closed)), KEY):
            given_out.append(piece)  # noqa: PERF401 - what came before the error is what we look at

    with pytest.raises(FileDamaged):
        asyncio.run(reading())
    assert given_out == [b"a" * FRAME, b"b" * FRAME]


def test_the_stored_bytes_tell_nothing_of_the_plain_ones():
    closed = stored(b"the customer wrote this" * 100)
    assert b"customer" not in closed
    assert stored(b"same", new_file_key()) != stored(b"same", new_file_key())


async def test_never_more_than_a_frame_and_a_piece_are_held():
    taken = 0

    async def source():
        nonlocal taken
        for _ in range(64):
            taken += FRAME
            yield bytes(FRAME)

    given_out = -len(MARK)
    async for piece in sealed(source(), KEY):
        given_out += len(piece)
        assert taken - given_out <= 2 * FRAME
    assert taken == 64 * FRAME

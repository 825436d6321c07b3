"""A file's bytes under a key of its own: AES-256-GCM in frames, so that no more than one is ever in memory.

Stored form: a mark, then frames of FRAME plain bytes and a tag each, the last one shorter, full or empty. A frame's nonce
is its number and whether it is the last (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015): a frame
that is changed, moved, dropped or missing at the end does not open. Each key seals one file only.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterable, AsyncIterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eventstore.files.errors import FileDamaged

FRAME = 1 << 16
TAG = 16
MARK = b"LDF1"


def new_file_key() -> str:
    """A fresh key, base64url."""
    return urlsafe_b64encode(os.urandom(32)).decode()


async def sealed(plain: AsyncIterable[bytes], key: str) -> AsyncIterator[bytes]:
    """The stored bytes of a file."""
    aead = _aead(key)
    yield MARK
    async for number, frame, last in _frames(plain, FRAME):
        yield aead.encrypt(_nonce(number, last), frame, MARK)


async def unsealed(stored: AsyncIterable[bytes], key: str) -> AsyncIterator[bytes]:
    """The file's bytes, each frame only once it is proven; FileDamaged as soon as one is not."""
    aead = _aead(key)
    async for number, frame, last in _frames(_unmarked(stored), FRAME + TAG):
        try:
            yield aead.decrypt(_nonce(number, last), frame, MARK)
        except InvalidTag:
            raise FileDamaged() from None


async def _frames(chunks: AsyncIterable[bytes], size: int) -> AsyncIterator[tuple[int, bytes, bool]]:
    """Number, bytes and whether it is the last: all of `size` but the last, of which there is always one."""
    number, waiting = 0, bytearray()
    async for chunk in chunks:
        waiting += chunk
        # A full frame waits until something follows it: only then is it not the last.
        while len(waiting) > size:
            yield number, bytes(waiting[:size]), False
            del waiting[:size]
            number += 1
    yield number, bytes(waiting), True


async def _unmarked(stored: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    head = b""
    async for chunk in stored:
        if len(head) == len(MARK):
            yield chunk
            continue
        head, rest = (head + chunk)[: len(MARK)], (head + chunk)[len(MARK) :]
        if not MARK.startswith(head):
            raise FileDamaged()
        yield rest


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _aead(key: str) -> AESGCM:
    return AESGCM(urlsafe_b64decode(key))

"""Content keys: one for each ticket, requester and person, wrapped by a master key that stays outside the database."""

import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from psycopg import Cursor

from domain.errors import LedgerdeskError
from domain.event import ERASED, Erased

_NONCE = 12
_KEY = 32
_MARK = 4


class UnknownKey(LedgerdeskError):
    """Content whose key was never there: a damaged or foreign log, not an erased subject."""

    code = "unknown_key"
    sentence = "No key for {subject}: it was never created here. Restore the key table from the same backup as the log."


class WrongMasterKey(LedgerdeskError):
    """The key table was wrapped by a master key that we do not have."""

    code = "wrong_master_key"
    sentence = (
        "The database's keys are wrapped by master key {master}, which is not the one in LEDGERDESK_MASTER_KEY. "
        "Set the right one, or give the old one as LEDGERDESK_MASTER_KEY_PREVIOUS to rotate."
    )


class ContentDamaged(LedgerdeskError):
    """Stored content does not open under its key and its event's identity."""

    code = "content_damaged"
    sentence = "Stored content does not open: its bytes were changed, or moved from another event. Restore the log from a backup."


class WrappedKey(NamedTuple):
    """A content key as the key table holds it; `wrapped` is None once destroyed."""

    workspace_id: UUID
    subject_id: UUID
    master_id: str
    wrapped: bytes | None


class ContentKey:
    """Opens and closes the content of one subject, AES-256-GCM."""

    __slots__ = ("_aead",)

    def __init__(self, raw: bytes) -> None:
        self._aead = AESGCM(raw)

    def seal(self, plain: bytes, identity: bytes) -> bytes:
        """Nonce and ciphertext; bound to the identity, so that it cannot be moved to another event."""
        nonce = os.urandom(_NONCE)
        return nonce + self._aead.encrypt(nonce, plain, identity)

    def open(self, sealed: bytes, identity: bytes) -> bytes:
        """The plain bytes, or ContentDamaged."""
        try:
            return self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], identity)
        except InvalidTag:
            raise ContentDamaged() from None


Keys = Mapping[UUID, ContentKey | Erased]


class Keyring:
    """Wraps and unwraps content keys. The first master key wraps, the others only unwrap."""

    def __init__(self, master: bytes, *previous: bytes) -> None:
        self._masters = {master_id(key): AESGCM(key) for key in (master, *previous)}
        self._hashers = dict(map(_hasher, (master, *previous)))
        self._raw_masters = (master, *previous)
        self._mark = _hasher(master)[0]
        self.master_id = master_id(master)

    @property
    def masters(self) -> tuple[bytes, ...]:
        """What another process of ours needs to open the same: to be handed over by a pipe, and nowhere kept."""
        return self._raw_masters

    @property
    def master_ids(self) -> list[str]:
        """The short public names of the master keys that this one can unwrap with."""
        return list(self._masters)

    def new_key(self, workspace: UUID, subject: UUID) -> tuple[ContentKey, WrappedKey]:
        """A fresh key and its row for the key table."""
        raw = os.urandom(_KEY)
        return ContentKey(raw), self._wrap(raw, workspace, subject)

    def unwrap(self, row: WrappedKey) -> ContentKey | Erased:
        """The key of a row; ERASED where it was destroyed, WrongMasterKey where it is not ours."""
        return ERASED if row.wrapped is None else ContentKey(self._raw(row.wrapped, row))

    def rewrap(self, row: WrappedKey) -> WrappedKey:
        """The same key under the present master key."""
        return row if row.wrapped is None else self._wrap(self._raw(row.wrapped, row), row.workspace_id, row.subject_id)

    def derived(self, purpose: bytes) -> tuple[ContentKey, ...]:
        """Keys made of the master keys for another purpose than content; the first one seals, all open."""
        return tuple(ContentKey(HKDF(SHA256(), _KEY, None, purpose).derive(raw)) for raw in self._raw_masters)

    def secret(self, purpose: bytes) -> bytes:
        """32 bytes for that purpose, the same each time; nobody without the master key can tell them."""
        return HKDF(SHA256(), _KEY, None, b"ledgerdesk secret" + purpose).derive(self._raw_masters[0])

    def fingerprint(self, asked: bytes) -> bytes:
        """A keyed hash of what a command asks for: compares repeats, tells nobody without the master key what it was."""
        return self._mark + _keyed_hash(self._hashers[self._mark], asked)

    def same(self, known: bytes, asked: bytes) -> bool:
        """Whether a kept fingerprint is of the same request."""
        mark, kept = known[:_MARK], known[_MARK:]
        # Made under a master key that was rotated away: nobody can tell any more, and the id is the caller's own.
        return mark not in self._hashers or hmac.compare_digest(_keyed_hash(self._hashers[mark], asked), kept)

    def _wrap(self, raw: bytes, workspace: UUID, subject: UUID) -> WrappedKey:
        nonce = os.urandom(_NONCE)
        sealed = self._masters[self.master_id].encrypt(nonce, raw, workspace.bytes + subject.bytes)
        return WrappedKey(workspace, subject, self.master_id, nonce + sealed)

    def _raw(self, wrapped: bytes, row: WrappedKey) -> bytes:
        try:
            master = self._masters[row.master_id]
            return master.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], row.workspace_id.bytes + row.subject_id.bytes)
        except (KeyError, InvalidTag):
            raise WrongMasterKey(master=row.master_id) from None


def _hasher(master: bytes) -> tuple[bytes, bytes]:
    """A mark that names the master key, and the key of its fingerprints."""
    derived = hashlib.sha256(b"ledgerdesk fingerprint" + master).digest()
    return hashlib.sha256(derived).digest()[:_MARK], derived


def _keyed_hash(key: bytes, text: bytes) -> bytes:
    return hashlib.blake2b(text, key=key, digest_size=16).digest()


def master_id(key: bytes) -> str:
    """A short public name of a master key."""
    return hashlib.sha256(b"ledgerdesk master key" + key).hexdigest()[:16]


SELECT_KEYS = """
    SELECT workspace_id, subject_id, master_id, wrapped FROM vault.keys
    JOIN unnest(%s::uuid[], %s::uuid[]) AS wanted (workspace, subject) ON workspace_id = workspace AND subject_id = subject
"""


def read_keys(
    db: Cursor[Any], keyring: Keyring, subjects: Iterable[tuple[UUID, UUID]]
) -> dict[UUID, ContentKey | Erased]:
    """The keys of (workspace, subject) pairs, by subject, in one query."""
    wanted = list(subjects)
    if not wanted:
        return {}
    rows = db.execute(SELECT_KEYS, [[w for w, _ in wanted], [s for _, s in wanted]]).fetchall()
    return {row[1]: keyring.unwrap(WrappedKey(*row)) for row in rows}

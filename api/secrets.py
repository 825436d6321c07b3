"""Passwords, tokens and keys: made here, kept only as hashes."""

import hashlib
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

KEY_PREFIX = "ldk_"
SHORTEST_PASSWORD = 10

_hasher = PasswordHasher()
# Checked for logins that do not exist, so that the answer takes as long as for those that do. Of a password that nobody
# kept; written out, because every command would otherwise hash one as it starts.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$fDQvipwEDfyA12YPDBHqBQ$2/dRaZZoMXydwIFaRU83rVx/mWE8uGVk7ZMAgUcqQSo"


def hash_password(password: str) -> str:
    """Argon2id; takes some 50 ms on purpose."""
    return _hasher.hash(password)


def password_fits(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one; takes as long where there is no hash."""
    try:
        return _hasher.verify(password_hash or _NOBODY, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def new_token() -> str:
    """A session's cookie."""
    return secrets.token_urlsafe(32)


def new_api_key() -> str:
    """An API key; the prefix lets secret scanners find leaked ones."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def digest(*parts: str) -> bytes:
    """SHA-256; enough for secrets of 256 random bits."""
    return hashlib.sha256("\n".join(parts).encode(errors="surrogateescape")).digest()


def csrf_token(session_token: str) -> str:
    """What a page of ours can read and send as a header; another site's cannot."""
    return digest("csrf", session_token).hex()


def same(one: str, other: str) -> bool:
    """Compare without telling how far they agree."""
    return secrets.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))

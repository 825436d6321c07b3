"""Secrets that webhooks are signed with: made of the master key and of what asked for them, so that a repeat makes the same."""

import base64
from uuid import UUID

from eventstore.keyring import Keyring

PREFIX = "whsec_"


def new_secret(keyring: Keyring, workspace: UUID, key: str, command: UUID) -> str:
    """As Standard Webhooks writes them: 32 bytes that nobody can tell without the master key."""
    return PREFIX + base64.b64encode(keyring.secret(f"webhook|{workspace}|{key}|{command}".encode())).decode()

"""Stream ids that follow from what people call things, so that no look-up table can disagree with the log."""

from functools import lru_cache
from uuid import UUID, uuid5

_WORKSPACES = UUID("6f1d1b5e-3a55-5d0e-9c57-2b9f6f0c4a11")


def workspace_id(slug: str) -> UUID:
    """The stream of a workspace; its short name is unique in an installation."""
    return uuid5(_WORKSPACES, slug)


@lru_cache(maxsize=4096)
def ticket_id(workspace: UUID, number: str) -> UUID:
    """The stream of a ticket; the log's key on (stream, version 1) makes its number unique for ever (A3)."""
    return uuid5(workspace, f"ticket:{number}")


def person_id(workspace: UUID, handle: str) -> UUID:
    """The id of a person who comes from another system under a handle."""
    return uuid5(workspace, f"person:{handle}")


def team_id(workspace: UUID, name: str) -> UUID:
    """The id of a team that comes from another system under a name."""
    return uuid5(workspace, f"team:{name}")


def requester_id(workspace: UUID, handle: str) -> UUID:
    """The id of a requester who comes from another system under a handle."""
    return uuid5(workspace, f"requester:{handle}")

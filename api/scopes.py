"""What an API key is restricted to: single permissions or groups of them."""

from collections.abc import Iterable
from functools import lru_cache

from api.errors import UnknownScope
from domain.permissions import Permission

# What sets up the desk itself, and what shows secrets, is given by name only, or with everything.
_BY_NAME = frozenset(
    {
        Permission.WORKSPACE_EDIT,
        Permission.ACCESS_EDIT,
        Permission.TEAM_EDIT,
        Permission.RULE_EDIT,
        Permission.IMPORT,
        Permission.CONFIDENTIAL_VIEW,
    }
)
_READ = (frozenset(p for p in Permission if p.endswith(".view")) | {Permission.EXPORT}) - _BY_NAME
METRICS = "metrics"

SCOPES: dict[str, frozenset[Permission]] = {
    **{permission.value: frozenset({permission}) for permission in Permission},
    "read": _READ,
    "write": frozenset(Permission) - _READ - _BY_NAME,
    "admin": frozenset(Permission),
    METRICS: frozenset(),
}


def known_scopes(scopes: Iterable[str]) -> list[str]:
    """The scopes without repeats, or UnknownScope naming what there is."""
    wanted = list(dict.fromkeys(scopes))
    for scope in wanted:
        if scope not in SCOPES:
            raise UnknownScope(scope=scope, scopes=", ".join(SCOPES))
    return wanted


@lru_cache
def permissions(scopes: tuple[str, ...]) -> frozenset[Permission]:
    """All that the scopes allow; a scope that is no longer known allows nothing."""
    return frozenset().union(*(SCOPES.get(scope, frozenset()) for scope in scopes))

"""What a newer release set up: of that nothing is passed over, for it may say who may do what."""

from typing import Any

from domain.catalogue import Catalogue
from domain.command import evolves
from domain.errors import NewerRelease
from domain.event import UnknownEvent


@evolves(UnknownEvent)
def _(state: Any, event: UnknownEvent) -> Any:
    """Of tickets and the like it is passed over: their own decisions do not depend on it."""
    if isinstance(state, Catalogue):
        raise NewerRelease(event=event.unknown_name)
    return state

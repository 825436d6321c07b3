"""Read models that were followed through trouble against the same built anew."""

from collections.abc import Callable

from eventstore.database import Role, connect
from projections.models import READ_MODELS
from tests.projections.tables import contents
from tests.waiting import wait_until

CAUGHT_UP = """
    SELECT count(*) = %s FROM ops.builds
    WHERE state = 'live' AND position = (SELECT max(notification_id) FROM log.stored_events)
"""

BEHIND = """
    SELECT name FROM ops.builds
    WHERE state = 'live' AND position < (SELECT max(notification_id) FROM log.stored_events)
"""


def equal_a_rebuild(url: str, rebuild: Callable[[], object]) -> None:
    """Once the worker has caught up, building anew changes no row of any table."""
    wait_until(lambda: caught_up(url), 60)
    followed = {model.NAME: contents(url, model) for model in READ_MODELS}
    rebuild()
    assert {model.NAME: contents(url, model) for model in READ_MODELS} == followed
    assert all(followed.values())


def caught_up(url: str) -> bool:
    """Whether every live read model has reached the head of the log."""
    with connect(url, Role.WORKER) as db:
        return db.execute(CAUGHT_UP, [len(READ_MODELS)]).fetchone() == (True,)


def behind(url: str) -> list[str]:
    """The live read models that have not reached the head of the log."""
    with connect(url, Role.WORKER) as db:
        return [name for (name,) in db.execute(BEHIND)]

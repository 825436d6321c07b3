"""An office of our own for the tests of the event store."""

from collections.abc import AsyncIterator

import pytest

from tests.desks import Office, an_office


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[Office]:
    """A furnished workspace, with somebody who works there."""
    async with an_office(database_url) as furnished:
        yield furnished

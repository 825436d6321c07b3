"""One server for all tests of a module: they look at much, and change little that others look at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.conftest import Server, following, prepared, serving
from tests.api.filing import files_in, keep


@pytest.fixture(scope="module")
def shared(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An API with read models and files."""
    folder: Path = tmp_path_factory.mktemp("files")
    offices = prepared(shared_database_url)
    with pytest.MonkeyPatch.context() as patch:
        keep(patch, files_in(folder))
        with serving(shared_database_url) as url, following(server := Server(url, shared_database_url, *offices)):
            yield server

"""One server for all tests of a module: they look at much, and change little that others look at."""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest

from cli.cluster import Cluster
from tests.api.conftest import FOLLOWED, Office, Server, following, serving
from tests.api.filing import files_in, keep
from tests.conftest import scratch


@pytest.fixture(scope="module")
def shared(
    cluster: Cluster, furnished: tuple[Office, Office], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """An API with read models and files."""
    folder: Path = tmp_path_factory.mktemp("files")
    with pytest.MonkeyPatch.context() as patch, scratch(cluster, FOLLOWED) as database_url:
        keep(patch, files_in(folder))
        with serving(database_url) as url, following(server := Server(url, database_url, *deepcopy(furnished))):
            yield server

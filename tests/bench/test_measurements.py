"""Every measurement still runs."""

import pytest

from bench.app import Name
from tests.bench.small import WITH_KAFKA, measured


@pytest.mark.parametrize("name", [name for name in Name if name not in (Name.ALL, *WITH_KAFKA)])
def test_it_comes_to_a_figure(name, cluster, monkeypatch):
    measured(name, cluster, monkeypatch)

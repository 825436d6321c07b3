"""Several processes want the same versions of the same tickets."""

from collections import Counter

from cli.cluster import Cluster
from domain.ids import ticket_id, workspace_id
from tests.chaos import audit
from tests.chaos.contender import PROCESSES, VERSIONS
from tests.chaos.crew import Crew
from tests.chaos.writer import CONTESTED


def test_each_version_is_won_once(server: Cluster, crew: Crew) -> None:
    crew.hire(PROCESSES, "contender")
    crew.finish()
    told = crew.told
    won = Counter((stream, version) for stream, version, _, _ in told.answered.values())
    streams = [ticket_id(workspace_id("acme"), number) for number in CONTESTED]
    assert won == Counter((stream, version) for stream in streams for version in range(2, VERSIONS + 1))
    assert told.refused
    audit.check(server.url(), told)

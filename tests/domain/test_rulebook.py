"""What a ticket of a type and category gets is remembered, for so many of them at most."""

from uuid import uuid4

from domain import rulebook
from domain.classification import CategorySettings
from domain.rulebook import Rulebook


def test_however_many_are_asked_for_each_gets_its_own(monkeypatch):
    monkeypatch.setattr(rulebook, "MOST_HANDLED", 2)
    teams = {(f"Area {n}",): uuid4() for n in range(5)}
    desk = Rulebook(category_settings={path: CategorySettings(path=path, team=team) for path, team in teams.items()})
    for _ in range(2):
        assert {path: desk.settings_for(None, path).team for path in teams} == teams
        assert len(desk._handled) <= 2
    assert desk.settings_for(None, ()).team is None

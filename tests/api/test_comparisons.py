"""Comparisons over HTTP: figures beside what was expected; refused where nothing changed, and to whoever has no part in it."""

from domain.permissions import RoleName
from tests.api.conftest import Server
from tests.api.test_backtests import POLICY
from tests.api.test_rules import REASONS, URGENT, code, put


def there(kind: str, key: str, version: int = 1) -> str:
    return f"/{kind}/{key}/versions/{version}/comparison"


def test_a_change_has_its_figures_beside_what_was_expected(followed: Server) -> None:
    with followed.acting() as admin:
        put(admin, "/rules/urgent", **URGENT, **REASONS)
        put(admin, "/policies/usual", **POLICY, **REASONS)
        opened = admin.post("/tickets", json={"title": "打印机坏了"}).json()
        admin.get("/tickets", params={"min_position": opened["position"]}).raise_for_status()
        for kind, key in (("rules", "urgent"), ("policies", "usual")):
            found = admin.get(there(kind, key), params={"days": 7})
            assert found.status_code == 200, found.text
            told = found.json()
            assert (told["version"], told["why"], told["expected"]) == (1, REASONS["why"], REASONS["expected"])
            assert (told["by"]["kind"], told["cut"]) == ("person", "too_early")
            assert (told["before"]["opened"], told["after"]["opened"]) == (0, 1)
        put(admin, "/rules/urgent", **URGENT | {"title": "Now"})
        assert admin.get(there("rules", "urgent")).json()["cut"] == "changed_again"


def test_what_never_was_is_refused(server: Server) -> None:
    with server.acting() as admin:
        put(admin, "/rules/urgent", **URGENT)
        put(admin, "/policies/usual", **POLICY)
        assert code(admin.get(there("rules", "urgent", 2))) == (404, "no_such_change")
        assert code(admin.get(there("policies", "usual", 2))) == (404, "no_such_change")
        assert code(admin.get(there("rules", "none"))) == (404, "unknown_setup")
        assert code(admin.get(there("policies", "none"))) == (404, "unknown_policy")
        assert code(admin.get(there("rules", "urgent"), params={"days": 0})) == (422, "invalid_request")


def test_another_workspace_and_who_makes_no_reports_get_none(followed: Server) -> None:
    with followed.acting() as admin, followed.acting(other=True) as stranger:
        put(admin, "/rules/urgent", **URGENT)
        put(admin, "/policies/usual", **POLICY)
        opened = admin.post("/tickets", json={"title": "Ours"}).json()
        admin.get("/tickets", params={"min_position": opened["position"]}).raise_for_status()
        assert code(stranger.get(there("rules", "urgent"))) == (404, "unknown_setup")
        assert code(stranger.get(there("policies", "usual"))) == (404, "unknown_policy")
        put(stranger, "/rules/urgent", **URGENT)
        theirs = stranger.get(there("rules", "urgent")).json()
        assert (theirs["before"]["opened"], theirs["after"]["opened"]) == (0, 0)
    for role in (RoleName.AGENT, RoleName.LEAD, RoleName.AUDITOR, RoleName.ANALYST):
        with followed.acting(role) as client:
            assert code(client.get(there("rules", "urgent"))) == (403, "not_allowed")


def test_before_read_models_are_there_it_says_so(server: Server) -> None:
    with server.acting() as admin:
        put(admin, "/rules/urgent", **URGENT)
        assert admin.get(there("rules", "urgent")).status_code == 503

"""The operator's commands for workspaces, people and keys, and what the API makes of them."""

import io
import sys

import httpx
import pytest

from cli.main import app
from tests.api.conftest import MASTER_KEY, serving
from tests.conftest import database_url as database_url  # with no workspace yet

PASSWORD = "a password for ann"


@pytest.fixture
def ledgerdesk(database_url, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("LEDGERDESK_MASTER_KEY", MASTER_KEY)

    def run(*arguments, stdin=""):
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        app(arguments, standalone_mode=False)
        return capsys.readouterr().out

    return run


def test_an_operator_sets_up_a_desk_that_people_can_use(ledgerdesk, database_url):
    ledgerdesk("workspace", "create", "acme", "--title", "Acme Ltd")
    assert ledgerdesk("workspace", "list") == "acme\tAcme Ltd\n"
    ledgerdesk(
        "user", "add", "acme", "ann", "--name", "Ann", "--role", "agent", "--password-stdin", stdin=PASSWORD + "\n"
    )
    ledgerdesk("user", "role", "acme", "ann", "admin")
    assert ledgerdesk("user", "list", "acme") == "ann\tadmin\tAnn\n"
    secret = ledgerdesk("key", "create", "acme", "ann", "--name", "r", "--scope", "read").strip()
    key_id, *rest = ledgerdesk("key", "list", "acme").strip().split("\t")
    assert rest == ["ann", "r", "read", "valid"]
    with serving(database_url) as url:
        headers = {"Authorization": f"Bearer {secret}"}
        assert httpx.get(f"{url}/api/v1/me", headers=headers).json()["role"] == "admin"
        signs_in = {"workspace": "acme", "login": "ann", "password": PASSWORD}
        assert httpx.post(f"{url}/api/v1/session", json=signs_in).status_code == 200
        ledgerdesk("user", "password", "acme", "ann", "--password-stdin", stdin="another password\n")
        assert httpx.post(f"{url}/api/v1/session", json=signs_in).status_code == 401
    ledgerdesk("key", "revoke", "acme", key_id)
    assert ledgerdesk("key", "list", "acme").endswith("revoked\n")
    ledgerdesk(
        "user", "add", "acme", "bob", "--name", "Bob", "--role", "admin", "--password-stdin", stdin=PASSWORD + "\n"
    )
    ledgerdesk("user", "deactivate", "acme", "ann")
    assert "deactivated" in ledgerdesk("user", "list", "acme")

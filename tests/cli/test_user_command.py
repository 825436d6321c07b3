"""`ledgerdesk user`: roles are named by their keys."""

import pytest
from typer.testing import CliRunner

from cli.main import app
from domain.errors import InvalidInput, UnknownRole
from domain.workspace import LastAdmin
from tests.commandline import Run, environment
from tests.commandline import ledgerdesk as ledgerdesk


@pytest.fixture
def acme(ledgerdesk: Run, database_url, tmp_path) -> Run:
    """A workspace whose only admin is ann."""
    assert ledgerdesk("workspace", "create", "acme", "--title", "Acme").exit_code == 0
    added = CliRunner().invoke(
        app,
        ["user", "add", "acme", "ann", "--name", "Ann", "--role", "admin", "--password-stdin"],
        env=environment(database_url, tmp_path / "data"),
        input="correct horse battery\n",
    )
    assert added.exit_code == 0, added.output
    return ledgerdesk


def test_the_last_admin_stays(acme: Run) -> None:
    with pytest.raises(LastAdmin):
        acme("user", "role", "acme", "ann", "agent")
    with pytest.raises(LastAdmin):
        acme("user", "deactivate", "acme", "ann")
    assert "ann\tadmin\tAnn" in acme("user", "list", "acme").stdout


def test_a_role_is_one_that_people_can_have(acme: Run) -> None:
    with pytest.raises(UnknownRole, match="agent"):
        acme("user", "role", "acme", "ann", "requester")
    with pytest.raises(InvalidInput, match="role"):
        acme("user", "role", "acme", "ann", "No Such Role")


def test_a_person_is_named_by_their_login_too(acme: Run) -> None:
    acme("do", "open-ticket", "1", "title=Fire")
    acme("do", "claim-ticket", "1", "--as", "Ann")
    assert "nothing to change" in acme("do", "assign-ticket", "1", "to=ANN", "--as", " ann ").stdout
    assert acme("key", "create", "acme", "Ann", "--name", "reports", "--scope", "read").exit_code == 0
    acme("do", "add-person", "person_name=ann", "role=agent")
    for words in (["do", "assign-ticket", "1", "to=ann"], ["do", "claim-ticket", "1", "--as", "ann"]):
        with pytest.raises(InvalidInput, match="several"):
            acme(*words)

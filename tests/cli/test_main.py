"""The command line: what people read when something is wrong, and the exit codes that programs read."""

import gc
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import COMMANDS, app
from eventstore.settings import new_key


@pytest.fixture
def ledgerdesk(tmp_path):
    """Runs the command with nothing set but what is given; answers (exit code, stdout, stderr)."""

    def run(*arguments: str, **environment: object) -> tuple[int, str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("LEDGERDESK_") and k != "DATABASE_URL"}
        asked = {"LEDGERDESK_DATA": tmp_path / "data", **environment}
        done = subprocess.run(
            [Path(sys.executable).with_name("ledgerdesk"), *arguments],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env=clean | {name: str(value) for name, value in asked.items()},
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout, done.stderr

    return run


def test_it_tells_its_version(ledgerdesk):
    assert ledgerdesk("--version") == (0, "ledgerdesk 0.1.0\n", "")


# In this process: an interpreter for each of them takes 55 s of a processor.
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_page_with_an_example(name):
    shown = CliRunner().invoke(app, [name, "--help"], prog_name="ledgerdesk", catch_exceptions=False)
    assert shown.exit_code == 0
    assert "Example: " in shown.stdout
    assert f"ledgerdesk {name}" in shown.stdout


def test_a_command_shows_its_help_page_to_whoever_starts_it(ledgerdesk):
    code, out, err = ledgerdesk("list", "--help")
    assert (code, err) == (0, "")
    assert "Example: ledgerdesk list" in out


def test_garbage_is_looked_for_again_once_a_command_is_imported(monkeypatch):
    monkeypatch.setitem(COMMANDS, "broken", "cli.no_such_module:broken")
    for name in ("list", "broken"):
        CliRunner().invoke(app, [name, "--help"])
        assert gc.isenabled()


def test_an_unknown_command_is_misuse(ledgerdesk):
    code, _, err = ledgerdesk("fly")
    assert code == 2
    assert "fly" in err


@pytest.mark.parametrize("arguments", [["\udcff"], ["history", "\udcff"], ["history", "INC1", "-w", "d\udcff"]])
def test_an_argument_that_is_no_text_is_misuse(ledgerdesk, arguments):
    code, out, err = ledgerdesk(*arguments)
    assert (code, out) == (2, "")
    assert f"ledgerdesk: Argument {len(arguments)} is not text in UTF-8." in err


@pytest.mark.parametrize(
    ("name", "value"),
    [("LEDGERDESK_PORT", "http"), ("LEDGERDESK_MASTER_KEY", "short"), ("DATABASE_URL", "mysql://u:hunter2@h/d")],
)
def test_a_wrong_setting_is_named_but_not_repeated(ledgerdesk, name, value):
    code, _, err = ledgerdesk("migrate", **{name: value})
    assert code == 2
    assert err.startswith(f"ledgerdesk: {name}: ")
    assert value not in err


def test_a_folder_that_cannot_be_written_is_said_with_the_way_out(ledgerdesk):
    code, _, err = ledgerdesk("migrate", LEDGERDESK_DATA="/proc/nowhere")
    assert code == 2
    assert "Name another with LEDGERDESK_DATA=" in err


def test_a_database_that_does_not_answer_is_a_failure_without_the_password(ledgerdesk):
    code, _, err = ledgerdesk("migrate", "--wait", "0", DATABASE_URL="postgresql://u:hunter2@127.0.0.1:1/d")
    assert code == 1
    assert "127.0.0.1:1/d does not answer" in err
    assert "hunter2" not in err


def test_one_s_own_database_needs_one_s_own_key(ledgerdesk, empty_database_url):
    code, _, err = ledgerdesk("up", DATABASE_URL=empty_database_url, LEDGERDESK_PORT=free_port())
    assert code == 2
    assert "LEDGERDESK_MASTER_KEY" in err
    assert "ledgerdesk master-key new" in err


def test_a_taken_port_is_said_before_anything_is_started(ledgerdesk, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        code, _, err = ledgerdesk("up", LEDGERDESK_PORT=other.getsockname()[1])
    assert code == 2
    assert "set LEDGERDESK_PORT to a free port" in err
    assert not (tmp_path / "data" / "postgres").exists()


def test_a_wrong_setting_of_the_api_is_said_before_anything_is_started(ledgerdesk, tmp_path):
    code, _, err = ledgerdesk("up", LEDGERDESK_BODY_LIMIT="1MB")
    assert code == 2
    assert err.startswith("ledgerdesk: LEDGERDESK_BODY_LIMIT: ")
    assert not (tmp_path / "data" / "postgres").exists()


def test_an_address_that_nobody_knows_is_named_as_such(ledgerdesk):
    code, _, err = ledgerdesk("up", LEDGERDESK_HOST="no-such-host.invalid")
    assert code == 2
    assert "Unknown error" not in err
    assert "set LEDGERDESK_PORT to a free port and LEDGERDESK_HOST to an address of this machine" in err


def test_a_password_is_not_asked_for_where_nobody_could_type_it_unseen(ledgerdesk):
    code, _, err = ledgerdesk("user", "password", "acme", "ann")
    assert code == 2
    assert "--password-stdin" in err
    assert "Warning" not in err


def test_migrating_twice_says_what_was_done_and_that_nothing_is_left(ledgerdesk, empty_database_url):
    first = ledgerdesk("migrate", DATABASE_URL=empty_database_url)
    second = ledgerdesk("migrate", DATABASE_URL=empty_database_url)
    assert (first[0], second) == (0, (0, "The database is up to date.\n", ""))
    assert first[1].startswith("applied 0001_")


def test_a_fresh_master_key_is_one_that_the_settings_take(ledgerdesk):
    code, out, _ = ledgerdesk("master-key", "new")
    assert (code, len(out)) == (0, len(new_key()) + 1)


def test_a_command_stops_the_database_that_it_started(ledgerdesk, tmp_path):
    assert ledgerdesk("migrate")[0] == 0
    assert not (tmp_path / "data" / "postgres" / "postmaster.pid").exists()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])

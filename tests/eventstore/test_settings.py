"""Settings: read once, and every complaint names the variable and the way out."""

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from eventstore.settings import Settings, SettingsError, decode_key, new_key


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch, tmp_path):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LEDGERDESK_{name.upper()}", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("LEDGERDESK_DATA", str(tmp_path / "data"))


def test_nothing_need_be_set():
    settings = Settings.load()
    assert (settings.embedded, settings.host, settings.port) == (True, "127.0.0.1", 8080)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("LEDGERDESK_PORT", "70000", "65535"),
        ("LEDGERDESK_API_WORKERS", "0", "at least 1"),
        ("LEDGERDESK_LOG_LEVEL", "loud", "'debug', 'info'"),
        ("LEDGERDESK_MASTER_KEY", "c2hvcnQ=", "ledgerdesk master-key new"),
        ("DATABASE_URL", "mysql://root:hunter2@db/desk", "postgresql://"),
    ],
)
def test_a_wrong_value_is_named_and_kept_out_of_the_message(monkeypatch, name, value, says):
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert str(caught.value).startswith(f"{name}: ")
    assert says in str(caught.value)
    assert value not in str(caught.value)


def test_the_key_of_the_embedded_database_is_made_once_and_kept_from_others(tmp_path):
    first, second = Settings.load().master_key_bytes(), Settings.load().master_key_bytes()
    assert first == second
    assert stat.S_IMODE((tmp_path / "data" / "master.key").stat().st_mode) == 0o600


def test_first_starts_at_once_end_with_one_key():
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: Settings.load().master_key_bytes(), range(8)))) == 1


def test_a_damaged_key_file_is_never_replaced(tmp_path):
    settings = Settings.load()
    path = settings.writable_data() / "master.key"
    path.write_text("damaged")
    with pytest.raises(SettingsError, match=r"restore this one from a backup"):
        settings.master_key_bytes()
    assert path.read_text() == "damaged"


def test_a_key_may_come_from_a_file(monkeypatch, tmp_path):
    key = new_key()
    (tmp_path / "key").write_text(key + "\n")
    monkeypatch.setenv("LEDGERDESK_MASTER_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@h/d")
    assert Settings.load().master_key_bytes() == decode_key(key)


def test_secrets_are_not_shown_with_the_settings(monkeypatch):
    key = new_key()
    monkeypatch.setenv("LEDGERDESK_MASTER_KEY", key)
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hunter2@h/d")
    shown = repr(Settings.load()) + str(Settings.load())
    assert key not in shown
    assert "hunter2" not in shown

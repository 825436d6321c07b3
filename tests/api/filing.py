"""An API that keeps its files in a folder of the test."""

from pathlib import Path

import pytest
from fastapi import FastAPI

from api.app import create_app
from eventstore.files.desk import Files
from eventstore.files.local import LocalFiles
from eventstore.files.rules import FileRules
from eventstore.keyring import Keyring
from tests.api import conftest

# Larger than other bodies may be.
LIMIT = 3 << 20


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return files_in(tmp_path / "files")


def files_in(folder: Path) -> Files:
    """Files that are kept in that folder."""
    rules = FileRules(LIMIT, refused=frozenset({".exe"}))
    return Files(LocalFiles(folder), Keyring(b"k" * 32), rules)


@pytest.fixture(autouse=True)
def served(monkeypatch: pytest.MonkeyPatch, files: Files) -> None:
    """The API keeps its files in a folder of the test."""
    keep(monkeypatch, files)


def keep(monkeypatch: pytest.MonkeyPatch, files: Files) -> None:
    """Have the servers of `conftest` keep their files there."""

    def with_files(*settings: object) -> FastAPI:
        app = create_app(*settings)
        app.state.files = files
        return app

    monkeypatch.setattr(conftest, "create_app", with_files)


def kept(tmp_path: Path) -> list[Path]:
    """What is in the folder."""
    return [path for path in tmp_path.rglob("*") if path.is_file()]

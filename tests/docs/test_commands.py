"""Every command of the documentation works, in the order in which a reader meets them."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cli.embedded import cluster_of
from docs.generate import FRESHNESS_TYPES, column_types, standings_types
from projections.models import READ_MODELS
from tests.docs.running import ROOT, Block, DemoDesk, blocks, demo_desk

PAGES = (
    "README.md",
    "docs/desk.md",
    "docs/working.md",
    "docs/rules.md",
    "docs/auditors.md",
    "docs/analysts.md",
    "docs/sla.md",
    "docs/integrators.md",
    "docs/webhooks.md",
    "docs/stream.md",
    "docs/streaming.md",
    "docs/operators.md",
    "docs/contributing.md",
)
NOT_RUN = {
    "make run": "it is what the desk of this test was started by, and ends with Ctrl-C only",
    "make test": "it would run this test",
    "docker compose up": "needs Docker and images; tests/house checks the file",
}
COLUMNS = """
    SELECT c.relname || '.' || a.attname, format_type(a.atttypid, NULL)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'desk' AND a.attnum > 0
"""
SHORT = {"timestamp with time zone": "timestamptz", "integer": "int"}


@pytest.fixture
def desk() -> Iterator[DemoDesk]:
    """A demo desk. Not in pytest's folder, which PostgreSQL's user may not enter when the tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix="ledgerdesk-docs-"))
    folder.chmod(0o711)
    try:
        with demo_desk(folder) as started:
            yield started
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def is_run(block: Block) -> bool:
    """Whether nothing in it is named in NOT_RUN."""
    return not any(command in block.text for command in NOT_RUN)


# Eight pages, some of whose commands begin a Python process each.
@pytest.mark.timeout(900)
def test_every_command_and_every_query_works(desk):
    for program in ("bash", "curl"):
        assert shutil.which(program), f"the commands of the documentation need {program}: install it"
    for page in PAGES:
        ran = desk.run([block for block in blocks(page) if is_run(block)])
        assert ran.returncode == 0, ran.stderr[ran.stderr.rfind("@@") :] + ran.stdout[-2000:]
    assert_views_are_as_documented(desk)


def assert_views_are_as_documented(desk: DemoDesk) -> None:
    documented = FRESHNESS_TYPES | standings_types()
    for model in READ_MODELS:
        documented |= column_types(model)
    with psycopg.connect(cluster_of(desk.folder / "data").url()) as db:
        found = {name: short(kind) for name, kind in db.execute(COLUMNS)}
    assert found == documented


def short(kind: str) -> str:
    """A type as the pages call it."""
    name, array, _ = kind.partition("[]")
    return SHORT.get(name, name) + array


def test_what_is_not_run_is_still_there():
    text = "".join(block.text for page in PAGES for block in blocks(page))
    assert [command for command in NOT_RUN if command not in text] == []


def test_every_page_with_commands_is_run():
    pages = {str(path.relative_to(ROOT)) for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]}
    assert {page for page in pages if blocks(page)} == set(PAGES)

"""The documentation is complete, current, and its links lead somewhere."""

import re
from pathlib import Path
from typing import get_args

import pytest

from api.routing import PREFIX
from docs.generate import PAGES, known_events, routes, settings, shown, subcommands
from domain.actions import Action
from domain.conditions.operators import OPERATORS
from domain.permissions import RoleName
from projections.models import READ_MODELS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
WRITTEN = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the page's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    broken = []
    for link in LINK.findall(FENCED.sub("", page.read_text())):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES)
def test_a_page_that_follows_from_the_code_is_current(page):
    assert (DOCS / page).read_text() == PAGES[page](), "run `python docs/generate.py`"


def test_every_command_is_there():
    text = (DOCS / "commands.md").read_text()
    assert [name for name in subcommands() if f"`ledgerdesk {name}`" not in text] == []


def test_every_setting_is_there_with_its_default():
    rows = re.findall(r"^\| `([A-Z_]+)` \| (?:`([^`]*)`)? ?\|", (DOCS / "operators.md").read_text(), re.MULTILINE)
    assert dict(rows) == settings()


def test_every_event_is_there():
    headings = set(re.findall(r"^### (\S+)$", (DOCS / "events.md").read_text(), re.MULTILINE))
    assert headings == known_events().keys()


def test_every_view_is_there():
    views = {name for model in READ_MODELS for name in shown(model)} | {"sla_clocks", "freshness"}
    assert set(re.findall(r"^## desk\.(\w+)$", (DOCS / "views.md").read_text(), re.MULTILINE)) == views


def test_every_operator_of_conditions_is_explained():
    text = (DOCS / "working.md").read_text()
    assert [op for op in {op for known in OPERATORS.values() for op in known} if f"`{op}`" not in text] == []


def test_every_action_that_macros_and_bulk_changes_know_is_there():
    text = (DOCS / "working.md").read_text()
    kinds = get_args(get_args(Action)[0])
    names = [name for kind in kinds for name in get_args(kind.model_fields["do"].annotation)]
    assert names
    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_way_to_change_a_ticket_is_there():
    text = (DOCS / "working.md").read_text()
    begins = f"{PREFIX}/tickets/{{number}}"
    changing = {
        route.path.removeprefix(begins).partition("/{")[0]
        for route in routes()
        if route.path.startswith(begins) and not (route.methods or set()) & {"GET"}
    }
    assert changing
    assert [path for path in changing if f"{path}`" not in text and f"{path}/" not in text] == []


def test_every_role_is_there():
    text = (DOCS / "operators.md").read_text()
    assert [role for role in RoleName if f"| {role} |" not in text] == []


def test_every_metric_is_there():
    defined = {
        name
        for path in (ROOT / "api").glob("*.py")
        for name in re.findall(r'"(ledgerdesk_[a-z_]+)", "', path.read_text())
    }
    text = (DOCS / "operators.md").read_text()
    assert defined
    assert [name for name in defined if name not in text] == []

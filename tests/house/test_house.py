"""Rules of the house that no other test would notice being broken."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("domain", "eventstore", "projections", "processors", "api", "cli", "bench")
LONGEST_FILE = 400
LOCKS = ("requirements.lock", "requirements-dev.lock")
SOURCES = [("requirements.lock", "requirements.in"), ("requirements-dev.lock", "requirements-dev.in")]
CLOCKS = {"now", "utcnow", "today", "time", "time_ns", "monotonic", "sleep"}
CLOCK_OWNERS = {"datetime", "date", "time", "asyncio"}


def sources(*rooms: str) -> Iterator[Path]:
    for room in rooms:
        yield from sorted((ROOT / room).rglob("*.py"))


def test_the_domain_never_asks_what_time_it_is():
    asked = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources("domain")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and node.attr in CLOCKS
        and ast.unparse(node.value).split(".")[-1] in CLOCK_OWNERS
    ]
    assert asked == []


def test_no_file_is_two_ideas():
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in sources(*ROOMS, "tests")}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_every_error_of_ours_is_a_refusal_that_people_can_read():
    bases: dict[str, set[str]] = {}
    for path in sources(*ROOMS):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = {ast.unparse(base).split(".")[-1].split("[")[0] for base in node.bases}
    is_error = {
        name for name in bases if reaches(name, bases, {"Exception", "BaseException", "RuntimeError", "ValueError"})
    }
    # A private one is a signal inside its module; nobody else ever sees it.
    assert {
        name for name in is_error if not name.startswith("_") and not reaches(name, bases, {"LedgerdeskError"})
    } == set()


def reaches(name: str, bases: dict[str, set[str]], wanted: set[str]) -> bool:
    return name in wanted or any(reaches(base, bases, wanted) for base in bases.get(name, ()))


def test_every_module_says_what_it_is():
    silent = [
        str(path.relative_to(ROOT))
        for path in sources(*ROOMS)
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_index(name):
    text = (ROOT / name).read_text()
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", text)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_distribution_with_hashes(name):
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text())
    pinned = [entry for entry in entries if not entry.startswith("#")]
    assert pinned
    assert [entry.splitlines()[0] for entry in pinned if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_the_two_locks_agree():
    runtime, dev = (
        dict(re.findall(r"^([a-z0-9-]+)(?:\[.*?\])?==(\S+)", (ROOT / n).read_text(), re.MULTILINE)) for n in LOCKS
    )
    assert runtime.items() <= dev.items()


@pytest.mark.parametrize(("name", "source"), SOURCES)
def test_everything_asked_for_is_locked(name, source):
    asked = re.findall(r"^([a-z0-9][a-z0-9-]*)", (ROOT / source).read_text(), re.MULTILINE)
    locked = re.findall(r"^([a-z0-9-]+)", (ROOT / name).read_text(), re.MULTILINE)
    assert set(asked) <= set(locked)


def test_ci_runs_make_test():
    script = ROOT / ".ci/run"
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/usr/bin/env bash\n")
    assert re.search(r"^exec make test$", script.read_text(), re.MULTILINE)


def test_the_makefile_has_the_promised_targets():
    text = (ROOT / "Makefile").read_text()
    assert {"setup", "run", "test", "test-chaos", "check", "bench", "clean"} <= set(
        re.findall(r"^([a-z-]+):", text, re.MULTILINE)
    )


def test_the_rooms_keep_to_the_import_contract():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_the_contract_names_every_room():
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    assert re.findall(r"\w+", " ".join(reversed(contract["layers"]))) == [*ROOMS[:-2], "cli", "bench"]

"""What another desk's words mean here."""

from pathlib import Path

import pytest

from cli.imports.mapping import Mapping, States, UnusableMapping, kind_by_words, status_key
from domain.values import StatusKind

KINDS = {
    "Work in progress": "open",
    "Re-opened": "open",
    "Unresolved": "open",
    "Not fixed yet": "open",
    "Awaiting Approval": "pending",
    "On hold": "pending",
    "待客户回复": "pending",
    "Solved (permanently)": "resolved",
    "已解决": "resolved",
    "Closed - duplicate": "closed",
    "已关闭": "closed",
    "Submitted": "new",
    "Actve": "open",
    "-100": None,
}


@pytest.mark.parametrize(("state", "kind"), KINDS.items())
def test_the_words_of_a_state_suggest_its_kind(state: str, kind: str | None) -> None:
    assert kind_by_words(state) == kind


def test_a_state_without_words_gets_the_kind_of_its_neighbours() -> None:
    states = States(Mapping(), {}, {"-100": StatusKind.RESOLVED}.get)
    assert states.status("-100").kind is StatusKind.RESOLVED
    assert states.status("-200").kind is StatusKind.OPEN
    assert list(states.unknown) == ["-100", "-200"]


def test_a_state_that_the_desk_has_under_its_own_name_is_no_unknown_one() -> None:
    states = States(Mapping(), {}, lambda _: None)
    assert states.status("Waiting for  CUSTOMER").key == "pending"
    assert not states.unknown


@pytest.mark.parametrize("state", ["已关闭", "-100", "Awaiting User Info", "é" * 80, "x" * 80])
def test_every_state_gets_a_key(state: str) -> None:
    assert 0 < len(status_key(state)) <= 50
    assert status_key(state).isascii()


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("m.toml", "states = 3", "states: must be a JSON object"),
        ("m.toml", "statess = {}", "statess: is not known"),
        ("m.toml", 'states = {A = "nonsense"}', "states.A: «nonsense» is neither"),
        ("m.json", "{", "Expecting property name"),
        ("missing.toml", None, "cannot be read"),
    ],
)
def test_a_mapping_file_that_makes_no_sense_is_refused(tmp_path: Path, name: str, text: str | None, says: str) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(UnusableMapping, match=says):
        Mapping.load(path)


def test_a_mapping_file_may_be_json(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text('{"states": {"Parked": {"key": "parked", "title": "Parked", "kind": "pending"}}}')
    parked = States(Mapping.load(path), {}, lambda _: None).status("PARKED")
    assert (parked.name, parked.kind) == ("Parked", StatusKind.PENDING)

"""Addresses are found by their shape, as if each route had been asked in turn."""

from itertools import product

import pytest
from starlette.routing import Match

from api.app import ADDRESSES
from api.routing import PREFIX

SOMETIMES = (
    "",
    "/",
    "/nowhere",
    "/tickets/1001/nothing",
    "/tickets/1001/tags/a/b/c/d/e/f/g/h/i",
    "/tags/a/b",
    "/{number}",
)
PATHS = sorted({route.path_format.removeprefix(PREFIX) for route in ADDRESSES.routes} | set(SOMETIMES))


# The id of a person is none of these, so that the address is never meant by one.
NO_ID = {f"{PREFIX}/people/loads"}


def asked_in_turn(scope: dict[str, str]) -> tuple[Match, object]:
    fixed = scope["path"] in NO_ID
    answers = [(route.matches(scope)[0], route) for route in ADDRESSES.routes if not fixed or route.path in NO_ID]
    wanted = (Match.FULL, Match.PARTIAL)
    return next((each for match in wanted for each in answers if each[0] is match), (Match.NONE, None))


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "TRACE"])
def test_the_same_route_answers_as_if_all_were_asked(method):
    for path, filled in product(PATHS, ("1001", "a/b", "board")):
        address = PREFIX + path.replace("{number}", filled).replace("{tag}", filled).replace("{", "").replace("}", "")
        scope = {"type": "http", "path": address, "method": method}
        match, found = ADDRESSES.matches(scope)
        assert (match, found.get("route")) == asked_in_turn(scope), address


def test_made_up_addresses_are_not_remembered_one_by_one():
    def remembered() -> int:
        return len(ADDRESSES._alike)

    ADDRESSES.matches({"type": "http", "path": f"{PREFIX}/tickets/1", "method": "GET"})
    before = remembered()
    for n in range(50):
        ADDRESSES.matches({"type": "http", "path": f"{PREFIX}/tickets/made-up-{n}", "method": "GET"})
        ADDRESSES.matches({"type": "http", "path": "/x" * (20 + n), "method": "GET"})
    assert remembered() <= before + 1

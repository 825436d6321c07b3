"""Passwords are hashed as the library advises, also where there is nobody whose they are."""

from argon2 import PasswordHasher, Type

from api import secrets

# Before any fixture makes them quick.
HASHER, NOBODY = secrets._hasher, secrets._NOBODY


def test_a_password_costs_what_is_advised_and_no_less_where_there_is_nobody():
    assert HASHER.type is Type.ID
    assert (HASHER.memory_cost, HASHER.time_cost) >= (64 * 1024, 3)
    assert not HASHER.check_needs_rehash(NOBODY)
    assert HASHER.check_needs_rehash(PasswordHasher(time_cost=1).hash("x")), "what costs less is seen"


def test_where_there_is_nobody_no_password_fits():
    assert not secrets.password_fits(None, "whatever")
    assert not secrets.password_fits("no hash", "whatever")
    assert secrets.password_fits(secrets.hash_password("whatever"), "whatever")

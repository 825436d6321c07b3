"""Read models built and looked at in tests."""

from contextlib import closing
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from eventstore.database import Role, conninfo
from eventstore.keyring import Keyring
from projections import builds
from projections.builds import Build
from projections.catch_up import catch_up
from projections.models import READ_MODELS
from projections.read_model import ReadModel
from tests.desks import MASTER

KEYRING = Keyring(MASTER)


def working(url: str) -> Connection[Any]:
    """An autocommit connection with the worker's rights."""
    return psycopg.connect(conninfo(url, Role.WORKER, "test"), autocommit=True)


def built(url: str, *models: ReadModel) -> None:
    """Build the read models, or all of them, from the log as it is."""
    with closing(working(url)) as db:
        for model in models or READ_MODELS:
            catch_up(url, KEYRING, model, db)


def live(db: Connection[Any], model: ReadModel) -> Build:
    """The live build."""
    build = builds.find(db.cursor(), model.NAME, "live")
    assert build is not None
    return build


def contents(url: str, model: ReadModel) -> dict[str, list[str]]:
    """Every row of the live tables as PostgreSQL writes it, in order."""
    with closing(working(url)) as db:
        build = live(db, model)
        query = "SELECT t::text FROM {} t ORDER BY 1"
        return {
            table: [row for (row,) in db.execute(SQL(query).format(Identifier(build.schema, table)))]
            for table in builds.tables(db.cursor(), build)
        }

"""Migrations: forward only, each once, by however many processes at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from eventstore.migrate import (
    DatabaseNewer,
    Migration,
    MigrationChanged,
    MigrationRefused,
    migrate,
    migrations,
    pending,
)

FIRST = Migration("0001_first.sql", "CREATE TABLE first (id int)")
SECOND = Migration("0002_second.sql", "SELECT pg_sleep(0.2); CREATE TABLE second (id int)")


def test_all_files_of_this_version_apply_to_an_empty_database(empty_database_url):
    names = [each.name for each in migrations()]
    assert pending(empty_database_url) == names
    assert migrate(empty_database_url) == names
    assert (migrate(empty_database_url), pending(empty_database_url)) == ([], [])


def test_files_are_numbered_without_gaps():
    assert [int(each.name[:4]) for each in migrations()] == list(range(1, len(migrations()) + 1))


def test_only_what_is_missing_is_applied(empty_database_url):
    assert migrate(empty_database_url, [FIRST]) == ["0001_first.sql"]
    assert migrate(empty_database_url, [FIRST, SECOND]) == ["0002_second.sql"]


def test_processes_that_migrate_at_once_do_each_file_once(empty_database_url):
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: migrate(empty_database_url, [FIRST, SECOND]), range(4)))
    assert max(done, key=len) == ["0001_first.sql", "0002_second.sql"]
    assert sum(map(len, done)) == 2


def test_a_file_that_fails_leaves_nothing_of_itself(empty_database_url):
    broken = Migration("0002_broken.sql", "CREATE TABLE half (id int); SELECT 1/0")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty_database_url, [FIRST, broken])
    assert tables(empty_database_url) == {"first", "ledgerdesk_migrations"}
    assert migrate(empty_database_url, [FIRST, SECOND]) == ["0002_second.sql"]


def test_a_file_that_was_changed_afterwards_is_refused(empty_database_url):
    migrate(empty_database_url, [FIRST])
    with pytest.raises(MigrationChanged, match=r"0001_first\.sql was changed"):
        migrate(empty_database_url, [replace(FIRST, sql="CREATE TABLE other (id int)")])


def test_a_database_from_a_newer_version_is_refused(empty_database_url):
    migrate(empty_database_url, [FIRST, SECOND])
    with pytest.raises(DatabaseNewer, match=r"0002_second\.sql.*Run a newer version"):
        migrate(empty_database_url, [FIRST])


def test_a_login_without_the_right_to_make_roles_is_told_so(cluster, empty_database_url):
    name = str(psycopg.conninfo.conninfo_to_dict(empty_database_url)["dbname"])
    user = f"nobody_{name}"
    with psycopg.connect(cluster.superuser_url(), autocommit=True) as db:
        db.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(user)))
        db.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(*map(sql.Identifier, (name, user))))
    with pytest.raises(MigrationRefused, match=f"ALTER ROLE {user} CREATEROLE"):
        migrate(cluster.url(name, user), [Migration("0001_role.sql", "CREATE ROLE made_by_nobody")])


def test_a_file_that_works_with_another_role_is_recorded_all_the_same(empty_database_url):
    other = Migration("0001_other.sql", "SET LOCAL ROLE pg_monitor")
    with psycopg.connect(empty_database_url.replace("user=ledgerdesk", "user=postgres"), autocommit=True) as db:
        db.execute("GRANT pg_monitor TO ledgerdesk")
    assert migrate(empty_database_url, [other]) == ["0001_other.sql"]


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as db:
        return {row[0] for row in db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}

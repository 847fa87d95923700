"""A table is changed while others use it: nobody waits long for the migration, which waits for everybody."""

import concurrent.futures
import contextlib
import io
import time

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from shared.testing import waiting

LONG = "3s"
"""What a request would never wait."""
GAVE_WAY = "gave way"


class Migrating:
    """The command in a thread of its own, and what it has said until now."""

    def __init__(self, pool, target, **options):
        self._said = io.StringIO()
        self._done = pool.submit(self._run, target, options)

    def _run(self, target, options):
        try:
            call_command("migrate", "props", target, stdout=self._said, stderr=self._said, **options)
        finally:
            connections.close_all()

    @property
    def said(self):
        return self._said.getvalue()

    def ends(self):
        self._done.result(timeout=30)


@pytest.fixture
def migrating(transactional_db):
    """`migrating("0002")`; the table has one column at first, and all of them afterwards."""
    call_command("migrate", "props", "0001", verbosity=0)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        yield lambda target, **options: Migrating(pool, target, **options)
    call_command("migrate", "props", verbosity=0)


@pytest.fixture
def client():
    """`client()`: one more connection, as a process of the service has."""
    database = connection.settings_dict
    told = {"host": database["HOST"], "port": database["PORT"], "dbname": database["NAME"]}
    with contextlib.ExitStack() as stack:
        yield lambda **more: stack.enter_context(
            psycopg.connect(**told, user=database["USER"], password=database["PASSWORD"], **more)
        )


@pytest.fixture
def in_use(client):
    """A transaction that has read the table and is not over."""
    holder = client()
    holder.execute("SELECT name FROM props_prop")
    return holder


def columns(client):
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = 'props_prop'"
    return {name for (name,) in client(autocommit=True).execute(query)}


def waits_for_a_lock(client):
    query = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'props_prop'::regclass"
    waiting.until(lambda: client(autocommit=True).execute(query).fetchone(), what="the migration to wait")


def reads(client):
    """Somebody comes for the table now, and gets to it. Raises QueryCanceled where he waits too long."""
    client(autocommit=True, options=f"-c statement_timeout={LONG}").execute("SELECT name FROM props_prop")


def test_a_migration_gives_way_until_it_can_have_the_table(migrating, client, in_use):
    migration = migrating("0002", lock_timeout=0.1)
    waiting.until(lambda: GAVE_WAY in migration.said, what="the migration to give way")
    assert "colour" not in columns(client)

    in_use.rollback()

    migration.ends()
    assert "colour" in columns(client)


def test_nobody_waits_behind_a_migration_for_longer_than_it_waits(migrating, client, in_use):
    migration = migrating("0002")
    waits_for_a_lock(client)

    reads(client)

    in_use.rollback()
    migration.ends()


def test_without_a_limit_everybody_waits_behind_it(migrating, client, in_use):
    """The control: it is the limit that spares them."""
    migration = migrating("0002", lock_timeout=0)
    waits_for_a_lock(client)

    with pytest.raises(psycopg.errors.QueryCanceled):
        reads(client)

    in_use.rollback()
    migration.ends()


def test_of_a_migration_that_is_no_transaction_each_statement_is_tried_again(migrating, client, in_use):
    migration = migrating("0003", lock_timeout=0.1)
    waiting.until(lambda: GAVE_WAY in migration.said, what="the migration to give way")

    in_use.rollback()

    migration.ends()
    assert {"colour", "weight"} <= columns(client)


def test_an_index_that_is_built_beside_the_traffic_waits_for_as_long_as_it_takes(migrating, client):
    """Given up it would be there and invalid, and nobody waits behind it."""
    reader = client()
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    reader.execute("SELECT count(*) FROM http_count")
    migration = migrating("0003", lock_timeout=0.1)
    building = (
        "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock'"
    )
    waiting.until(lambda: client(autocommit=True).execute(building).fetchone(), what="the index to wait")
    deadline = time.monotonic() + 0.5
    waiting.until(lambda: time.monotonic() > deadline, what="more time than any other lock is given")

    assert GAVE_WAY not in migration.said
    reads(client)
    reader.rollback()

    migration.ends()
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'prop_weight'::regclass"
    assert client().execute(valid).fetchone() == (True,)


def test_it_gives_up_in_the_end_and_says_why(migrating, client, in_use):
    migration = migrating("0002", lock_timeout=0.05, tries=2)

    with pytest.raises(CommandError, match="in 2 tries"):
        migration.ends()

    assert "colour" not in columns(client)


@pytest.mark.django_db
def test_its_limits_end_with_it():
    def limits():
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, setting FROM pg_settings WHERE name IN ('lock_timeout', 'statement_timeout')")
            return dict(cursor.fetchall())

    before = limits()

    call_command("migrate", verbosity=0)

    assert limits() == before == {"lock_timeout": "0", "statement_timeout": "15000"}

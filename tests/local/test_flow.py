"""The second table of `status`: how the events flow, as far as the databases answer."""

import io

import psycopg
import pytest
from rich.console import Console

from deploy.local import flow
from shared.testing import postgres


@pytest.fixture(scope="module")
def server():
    """The address of a scratch server."""
    with postgres.scratch() as address:
        yield address


def drawn(*rows):
    console = Console(file=io.StringIO(), width=100)
    console.print(flow.table(rows))
    return console.file.getvalue().splitlines()


ROW = {"service": "orders", "away": False, "unsent": 0, "oldest": 0.0, "lag": {"auth": 0, "tickets": 12}, "replay": 0}


class TestLook:
    def test_of_a_database_that_is_away_says_so_and_of_the_others_the_rest(self, server, dsn):
        nowhere = f"postgres://orders@127.0.0.1:{postgres.free_port()}/orders"

        away, here = flow.look({"orders": nowhere, "tickets": dsn})

        assert (away["service"], away["away"], away["unsent"]) == ("orders", True, None)
        assert here == {
            "service": "tickets",
            "away": False,
            "unsent": 2,
            "oldest": pytest.approx(60, abs=10),
            "lag": {"orders": 5},
            "replay": 1,
        }

    def test_of_a_database_without_tables_says_away(self, server):
        (row,) = flow.look({"orders": f"{server}/postgres"})

        assert row["away"]

    def test_of_no_database_is_nothing(self):
        assert flow.look({}) == []

    @pytest.fixture
    def dsn(self, server):
        """A database with as much of messaging's tables as is asked for."""
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS flow")
            connection.execute("CREATE DATABASE flow")
        with psycopg.connect(f"{server}/flow") as connection:
            for statement in (
                "CREATE TABLE messaging_outboxevent (occurred_at timestamptz, sent_at timestamptz)",
                "CREATE TABLE messaging_progress (source text, epoch int, seen_to int, told int, closed_at int)",
                "CREATE TABLE messaging_inboxevent (consumer text, source text, epoch int, position int)",
                "CREATE TABLE messaging_replayrequest (asker text)",
                "INSERT INTO messaging_outboxevent VALUES (now() - interval '60 s'), (now()), (now())",
                "UPDATE messaging_outboxevent SET sent_at = now() WHERE ctid = '(0,3)'",
                "INSERT INTO messaging_progress VALUES ('/orders', 1, 4, 9)",
                "INSERT INTO messaging_replayrequest VALUES ('payments')",
            ):
                connection.execute(statement)
        yield f"{server}/flow"
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute("DROP DATABASE flow WITH (FORCE)")


class TestTable:
    def test_has_a_row_for_each_service(self):
        _, row = drawn(ROW)

        assert row.split() == ["orders", "0", "–", "auth", "0,", "tickets", "12"]

    def test_tells_how_old_the_oldest_is_where_something_waits(self):
        _, row = drawn({**ROW, "unsent": 3, "oldest": 4.25, "replay": 2})

        assert "4.2 s" in row
        assert "asked to tell again by 2" in row

    def test_tells_who_is_away(self):
        _, row = drawn({**ROW, "away": True, "unsent": None, "oldest": None, "lag": {}, "replay": None})

        assert "away" in row

"""Real instances, kept by a real supervisor."""

import asyncio
import os
import shutil
import signal

import psycopg
import pytest

from deploy.local import databases, embedded, ports, supervisor
from deploy.local.refusals import Refusal
from shared.messaging import topology
from tests.local import stage

SERVICES = ("auth", "orders")


def connect(url):
    return psycopg.connect(url, autocommit=True, connect_timeout=5)


@pytest.fixture
def instances(home):
    """Two services' instances: their ports and the steps that bring them up."""
    chosen = {service: ports.free() for service in SERVICES}
    return chosen, databases.steps(home, ports=chosen)


class TestInstances:
    def test_each_service_has_an_instance_and_a_role_that_is_good_for_nothing_else(self, home, instances):
        chosen, steps = instances

        async def scenario():
            async with stage.running(home, steps):
                with connect(databases.url(home, "orders", chosen["orders"])) as own:
                    assert own.execute("SELECT current_user, current_database()").fetchone() == ("orders", "orders")
                    own.execute("CREATE TABLE tickets (id int)")
                    powers = "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = 'orders'"
                    assert own.execute(powers).fetchone() == (False, False, False)
                with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                    connect(databases.url(home, "orders", chosen["orders"]).removesuffix("orders") + "postgres")
                with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                    connect(databases.url(home, "orders", chosen["auth"]))
                with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                    connect(f"postgres://orders:guessed@127.0.0.1:{chosen['orders']}/orders")

        asyncio.run(scenario())

    def test_the_log_says_what_went_wrong_and_quotes_nobody(self, home, instances):
        """Neither the row that a constraint was about nor the statement: both may hold somebody's address."""
        chosen, steps = instances

        async def scenario():
            async with stage.running(home, steps):
                with connect(databases.url(home, "auth", chosen["auth"])) as own:
                    own.execute("CREATE TABLE users (email text UNIQUE)")
                    own.execute("INSERT INTO users VALUES ('hamlet@elsinore.dk')")
                    with pytest.raises(psycopg.errors.UniqueViolation, match="hamlet@"):
                        own.execute("INSERT INTO users VALUES ('hamlet@elsinore.dk')")

        asyncio.run(scenario())

        said = (home.logs / "auth.postgres.log").read_text()
        assert "duplicate key value violates unique constraint" in said
        assert "elsinore" not in said

    def test_a_killed_instance_comes_back_with_its_data_while_a_client_still_holds_on(self, home, instances):
        """The backends of a killed PostgreSQL go on for a moment, and hold its shared memory."""
        chosen, steps = instances

        async def scenario():
            async with stage.running(home, steps):
                url = databases.url(home, "orders", chosen["orders"])
                holding = connect(url)
                holding.execute("CREATE TABLE tickets (id int)")
                holding.execute("INSERT INTO tickets VALUES (7)")
                killed = stage.rows(home)["orders.postgres"]["pid"]
                os.kill(killed, signal.SIGKILL)
                await stage.until(lambda: _again(home, killed), seconds=30)
                with connect(url) as own:
                    assert own.execute("SELECT id FROM tickets").fetchall() == [(7,)]
                holding.close()

        asyncio.run(scenario())

    def test_a_second_up_finds_the_data_of_the_first(self, home, instances):
        chosen, steps = instances

        async def scenario(say):
            async with stage.running(home, steps):
                with connect(databases.url(home, "auth", chosen["auth"])) as own:
                    return own.execute(say).statusmessage

        asyncio.run(scenario("CREATE TABLE users (id int)"))

        assert asyncio.run(scenario("SELECT * FROM users")) == "SELECT 0"

    def test_a_stale_pid_file_is_no_obstacle(self, home, instances):
        """Left by a crash of the whole machine, it may name a process that is now somebody else's."""
        _, steps = instances
        asyncio.run(_up_and_down(home, steps))
        (home.postgres / "orders" / "postmaster.pid").write_text(f"{os.getppid()}\n")

        asyncio.run(_up_and_down(home, steps))

        assert stage.phase(home) == "stopped"


class TestTrouble:
    def test_a_half_made_directory_of_an_interrupted_start_is_made_anew(self, home, instances):
        _, steps = instances
        half = home.postgres / ".new-orders"
        half.mkdir()
        (half / "PG_VERSION").write_text("15\n")

        asyncio.run(_up_and_down(home, steps))

        assert stage.phase(home) == "stopped"
        assert not half.exists()

    def test_data_of_another_version_is_refused_with_a_way_out(self, home, instances):
        _, steps = instances
        (home.postgres / "template").mkdir()
        (home.postgres / "template" / "PG_VERSION").write_text("9\n")

        code = asyncio.run(supervisor.Supervisor(home, about={}).run(steps))

        said = supervisor.read(home.state)["message"]
        assert code == 1
        assert "was written by PostgreSQL 9" in said
        assert "PG_BIN" in said
        assert "./manage_all.py reset" in said

    def test_secrets_that_do_not_belong_to_the_data_are_refused_with_a_way_out(self, home, instances):
        _, steps = instances
        asyncio.run(_up_and_down(home, steps))
        (home.secrets / databases.SUPERUSER_SECRET).unlink()

        code = asyncio.run(supervisor.Supervisor(home, about={}).run(steps))

        said = supervisor.read(home.state)["message"]
        assert code == 1
        assert "do not accept the password" in said
        assert "./manage_all.py reset" in said

    def test_no_programs_is_refused_with_a_way_out(self, home, monkeypatch):
        def nothing():
            raise databases.postgres.NoPostgres("no PostgreSQL server found: set PG_BIN")

        monkeypatch.setattr(databases.postgres, "binaries", nothing)

        with pytest.raises(Refusal, match="PostgreSQL is missing"):
            databases.locate(home)


class TestEmbeddedBroker:
    def test_every_service_may_speak_there_and_only_payments_enters_the_database_of_celery(self, home):
        port = ports.free()
        steps = databases.steps(home, ports={}) + embedded.steps(home, port=port)

        async def scenario():
            async with stage.running(home, steps):
                for service in topology.SERVICES:
                    connect(embedded.url(home, service, port, scheme="postgres")).close()
                celery = embedded.celery_database("payments")
                with connect(embedded.url(home, "payments", port, database=celery, scheme="postgres")) as own:
                    assert own.execute("SELECT pgmq.create('tasks')").fetchone() is not None
                with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                    connect(embedded.url(home, "orders", port, database=celery, scheme="postgres"))

        asyncio.run(scenario())

        asyncio.run(_up_and_down(home, steps))
        assert stage.phase(home) == "stopped"

    def test_makes_itself_anew_when_all_it_had_is_gone(self, home):
        port = ports.free()
        steps = databases.steps(home, ports={}) + embedded.steps(home, port=port)

        asyncio.run(_up_and_down(home, steps))
        shutil.rmtree(home.postgres / "broker")

        async def scenario():
            async with stage.running(home, steps):
                with connect(embedded.url(home, "orders", port, scheme="postgres")) as own:
                    assert own.execute("SELECT count(*) FROM pgmq.topic_bindings").fetchone() != (0,)

        asyncio.run(scenario())


async def _up_and_down(home, steps):
    async with stage.running(home, steps):
        assert stage.phase(home) == "ready"


def _again(home, killed):
    row = stage.rows(home)["orders.postgres"]
    return row["state"] == "ready" and row["pid"] != killed

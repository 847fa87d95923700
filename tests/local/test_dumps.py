"""A dump says what is in it, is refused when it is not whole, and brings back what it says."""

import msgspec
import psycopg
import pytest

from deploy.local import databases, dumps
from deploy.local.refusals import Refusal
from shared.testing import postgres


@pytest.fixture(scope="module")
def server():
    with postgres.server() as started:
        yield started


@pytest.fixture
def connection(server):
    with psycopg.connect(server.url(), autocommit=True) as opened:
        yield opened


@pytest.fixture
def orders(server, connection):
    """The address of a database with a log, two orders and a role of its own."""
    connection.execute("DROP ROLE IF EXISTS orders")
    connection.execute("CREATE ROLE orders LOGIN PASSWORD 'secret'")
    databases.create_database(connection, name="orders", owner="orders")
    url = server.url(database="orders", user="orders", password="secret")
    with psycopg.connect(url) as own:
        own.execute("CREATE TABLE orders_order (id int PRIMARY KEY, note text)")
        own.execute("INSERT INTO orders_order VALUES (1, 'Hamlet'), (2, NULL)")
        own.execute("CREATE TABLE messaging_log AS SELECT 3 AS epoch, 41::bigint AS position")
        own.execute("CREATE TABLE django_migrations AS SELECT 1 AS id, 'orders' AS app, '0001_initial' AS name")
    yield url
    for name in ("orders", "orders_restored", "orders_aside"):
        databases.drop_database(connection, name=name)
    connection.execute("DROP ROLE orders")


@pytest.fixture
def empty(server, connection, orders):
    databases.create_database(connection, name="orders_restored", owner="orders")
    return server.url(database="orders_restored", user="orders", password="secret")


@pytest.fixture
def dump(server, orders, tmp_path):
    return dumps.make(server.binaries, url=orders, service="orders", folder=tmp_path)


def rewrite(dump, **changes):
    """Another manifest beside the dump."""
    path = dumps.manifest_of(dump)
    path.write_bytes(msgspec.json.encode(msgspec.json.decode(path.read_bytes()) | changes))


class TestTheManifest:
    def test_tells_what_was_dumped(self, dump):
        manifest = dumps.read(dump)

        assert (manifest.service, manifest.epoch, manifest.position) == ("orders", 3, 41)
        assert manifest.rows == {"django_migrations": 1, "messaging_log": 1, "orders_order": 2}
        assert manifest.migrations == ["orders.0001_initial"]
        assert manifest.size == dump.stat().st_size

    def test_and_the_dump_are_for_their_owner_alone(self, dump):
        assert {path.stat().st_mode & 0o777 for path in (dump, dumps.manifest_of(dump))} == {0o600}

    def test_nothing_is_left_of_a_dump_that_failed(self, server, orders, tmp_path):
        with pytest.raises((Refusal, psycopg.Error)):
            dumps.make(server.binaries, url=orders + "_of_nobody", service="orders", folder=tmp_path)

        assert list(tmp_path.iterdir()) == []


class TestReading:
    def test_refuses_what_is_not_there(self, tmp_path):
        with pytest.raises(Refusal, match="There is no dump"):
            dumps.read(tmp_path / "orders.dump")

    def test_refuses_a_dump_without_its_manifest(self, dump):
        dumps.manifest_of(dump).unlink()

        with pytest.raises(Refusal, match="has no manifest"):
            dumps.read(dump)

    @pytest.mark.parametrize("text", ["", "{}", "[1]", '{"service": 1}', "\udce9"])
    def test_refuses_a_manifest_that_is_none(self, dump, text):
        dumps.manifest_of(dump).write_text(text, errors="surrogateescape")

        with pytest.raises(Refusal, match="cannot be read"):
            dumps.read(dump)

    def test_refuses_a_dump_of_which_one_bit_has_changed(self, dump):
        whole = bytearray(dump.read_bytes())
        whole[len(whole) // 2] ^= 1
        dump.write_bytes(whole)

        with pytest.raises(Refusal, match="is damaged"):
            dumps.read(dump)


class TestLoading:
    def test_brings_everything_back(self, server, dump, empty):
        dumps.load(server.binaries, url=empty, path=dump, manifest=dumps.read(dump))

        with psycopg.connect(empty) as restored:
            assert restored.execute("SELECT * FROM orders_order").fetchall() == [(1, "Hamlet"), (2, None)]

    def test_counts_the_rows_that_came(self, server, dump, empty):
        rewrite(dump, rows={"django_migrations": 1, "messaging_log": 1, "orders_order": 3})

        with pytest.raises(Refusal, match="does not bring back") as refused:
            dumps.load(server.binaries, url=empty, path=dump, manifest=dumps.read(dump))
        assert refused.value.why == "orders_order has 2 rows of 3"

    def test_refuses_what_is_no_dump(self, server, dump, empty):
        dump.write_bytes(b"PGDMP, but nothing more")

        with pytest.raises(Refusal, match="pg_restore failed"):
            dumps.list_contents(server.binaries, dump)

    def test_says_that_postgres_came_without_its_tools(self, dump, tmp_path):
        with pytest.raises(Refusal, match="pg_restore is missing"):
            dumps.list_contents(tmp_path, dump)


class TestPuttingInPlace:
    def test_keeps_the_old_database_and_its_grants_whoever_is_connected(self, server, connection, orders, empty):
        busy = psycopg.connect(orders)
        databases.put_in_place(connection, name="orders", new="orders_restored", aside="orders_aside")
        with pytest.raises(psycopg.OperationalError):
            busy.execute("SELECT 1")
        busy.close()

        with psycopg.connect(orders) as restored:
            assert dumps.rows(restored) == {}
        with psycopg.connect(orders + "_aside") as aside:
            assert dumps.rows(aside)["orders_order"] == 2
        query = "SELECT has_database_privilege('public', datname, 'CONNECT') FROM pg_database WHERE datname ~ '^orders'"
        assert {may for (may,) in connection.execute(query)} == {False}

    def test_takes_the_place_of_one_that_is_gone(self, connection, orders, empty):
        databases.drop_database(connection, name="orders")

        databases.put_in_place(connection, name="orders", new="orders_restored", aside="orders_aside")

        psycopg.connect(orders).close()

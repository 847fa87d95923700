"""The embedded broker: queues that are tables of a PostgreSQL of their own, made by the SQL of pgmq.

Spoken to with psycopg directly: kombu's transport declares queues whenever it consumes (parallel declarations
deadlock) and swallows without an error what is sent to an exchange that it has not itself declared.
https://github.com/pgmq/pgmq
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import pgmq.install
import psycopg
from psycopg import sql

from shared.messaging import topology
from shared.messaging.brokers import port

Connection = psycopg.Connection[tuple[Any, ...]]

VISIBILITY_SECONDS = 15
_CONFIRM_SECONDS = 10

# A body travels as one JSON string: the very bytes arrive that were sent, whatever jsonb thinks of them.
_SEND = """
SELECT DISTINCT queue_name
FROM pgmq.send_batch_topic(%s, ARRAY(
    SELECT to_jsonb(body) FROM unnest(%s::text[]) WITH ORDINALITY AS given(body, place) ORDER BY place
))
"""
_READ = "SELECT msg_id, message, headers ->> 'sender' FROM pgmq.read(%s, %s, %s) ORDER BY msg_id"
_GIVE_BACK = 'UPDATE pgmq."q_{}" SET vt = clock_timestamp() WHERE vt > clock_timestamp()'

_INSTALLED = "SELECT to_regclass('pgmq.topic_bindings') IS NOT NULL"
_HAS_QUEUE = "SELECT EXISTS (SELECT FROM pgmq.meta WHERE queue_name = %s)"
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('pgmq install'))"
# Roles belong to the whole server, the advisory lock to one database.
_LOCK_ROLES = "LOCK TABLE pg_catalog.pg_authid IN SHARE ROW EXCLUSIVE MODE"
# pgmq's own notify trigger runs for each row, updates a shared row each time, and falls silent for ever after
# a crash of the server, which empties the unlogged table it looks into. And pgmq knows no senders: here the
# server stamps each message with its own, where RabbitMQ checks the `user_id` it is given.
_TRIGGER_FUNCTIONS = """
CREATE OR REPLACE FUNCTION pgmq.stamp_sender() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.headers := jsonb_build_object('sender', session_user); RETURN NEW; END $$;
CREATE OR REPLACE FUNCTION pgmq.announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('pgmq.' || TG_TABLE_NAME || '.INSERT', ''); RETURN NULL; END $$;
"""
_TRIGGERS = """
CREATE OR REPLACE TRIGGER stamp_sender BEFORE INSERT ON {table}
    FOR EACH ROW EXECUTE FUNCTION pgmq.stamp_sender();
CREATE OR REPLACE TRIGGER announce AFTER INSERT ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION pgmq.announce();
"""
_GRANT_READ = "GRANT SELECT, UPDATE, DELETE ON {table} TO {role}"
_GRANT_SEND = "GRANT INSERT (vt, message, headers), SELECT (msg_id) ON {table} TO {role}"
_GRANT_ALL_ROLES = "GRANT USAGE ON SCHEMA pgmq TO {role}; GRANT SELECT ON pgmq.topic_bindings TO {role}"


def queue_name(name: str) -> str:
    """`orders.inbox` as pgmq spells it, for whom it is part of a table's name."""
    return name.replace(".", "_")


class Publisher:
    """Sends each batch in one transaction; its commit is the confirm."""

    def __init__(self, url: str) -> None:
        self._connection = _connect(url, options=f"-c statement_timeout={_CONFIRM_SECONDS}s")

    def publish(self, bodies: Sequence[bytes], *, exchange: str, listeners: frozenset[str]) -> None:
        with _errors(), self._connection.transaction():
            rows = self._connection.execute(_SEND, (exchange, [body.decode() for body in bodies])).fetchall()
            missing = {queue_name(name) for name in listeners} - {name for (name,) in rows}
            if missing:
                raise port.Unroutable(f"{exchange} does not reach {', '.join(sorted(missing))}")

    def tick(self) -> None:
        """Nothing: a lost connection shows at the next publish, which is early enough."""

    def close(self) -> None:
        _close(self._connection)


class Subscriber:
    """Reads one queue, of which it is the only reader; woken by the queue's NOTIFY."""

    def __init__(self, url: str, *, queue: str) -> None:
        self._queue = queue_name(queue)
        self._connection = _connect(url)
        try:
            with _errors():
                self._connection.execute(f'LISTEN "pgmq.q_{self._queue}.INSERT"')
                # A reader before us may have died with messages in hand: do not wait until they show again.
                self._connection.execute(_GIVE_BACK.format(self._queue))
        except port.BrokerError:
            self.close()
            raise

    def receive(self, *, limit: int, wait: float) -> list[port.Delivery]:
        with _errors():
            return self._read(limit) or (self._read(limit) if self._woken(wait) else [])

    def _woken(self, wait: float) -> bool:
        """After a NOTIFY, and after `wait` seconds too: what was read but never deleted shows without one."""
        for _ in self._connection.notifies(timeout=wait, stop_after=1):
            break
        return True

    def _read(self, limit: int) -> list[port.Delivery]:
        rows = self._connection.execute(_READ, (self._queue, VISIBILITY_SECONDS, limit)).fetchall()
        return [port.Delivery(_to_bytes(message), sender, handle) for handle, message, sender in rows]

    def acknowledge(self, deliveries: Sequence[port.Delivery]) -> None:
        handles = [delivery.handle for delivery in deliveries]
        with _errors():
            self._connection.execute("SELECT pgmq.delete(%s, %s::bigint[])", (self._queue, handles))

    def tick(self) -> None:
        with _errors():
            self._connection.execute("SELECT 1")

    def close(self) -> None:
        _close(self._connection)


def _connect(url: str, *, options: str = "") -> Connection:
    with _errors():
        return psycopg.connect(
            "postgresql" + url.removeprefix("pgmq"),
            autocommit=True,
            connect_timeout=3,
            keepalives_idle=5,
            keepalives_interval=2,
            keepalives_count=3,
            tcp_user_timeout=10_000,
            options=options,
        )


def _close(connection: Connection) -> None:
    with contextlib.suppress(psycopg.Error, OSError):
        connection.close()


def _to_bytes(message: object) -> bytes:
    return message.encode() if isinstance(message, str) else msgspec.json.encode(message)


@contextlib.contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        raise port.Unconfirmed(str(error)) from error
    except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
        raise port.Away(str(error)) from error
    except psycopg.Error as error:
        raise port.Refused(str(error)) from error


def install(dsn: str, passwords: Mapping[str, str]) -> None:
    """Make the topology's roles, queues, bindings and grants in the database at `dsn`, a superuser's address.

    `passwords`: one for each of `topology.SERVICES`. One transaction under a lock; may be repeated at will.
    Raises psycopg.Error.
    """
    with psycopg.connect(dsn) as connection:
        _install_sql(connection)
        connection.execute(_TRIGGER_FUNCTIONS)
        connection.execute(_LOCK_ROLES)
        for service in topology.SERVICES:
            _make_role(connection, service, passwords[service])
        for queue in topology.all_queues():
            _make_queue(connection, queue)


def install_empty(dsn: str) -> None:
    """Only pgmq itself, owned by the role of `dsn`: what kombu needs to declare Celery's queues there."""
    with psycopg.connect(dsn) as connection:
        _install_sql(connection)


def _install_sql(connection: Connection) -> None:
    connection.execute(_LOCK)
    if connection.execute(_INSTALLED).fetchone() != (True,):
        pgmq.install.install_pgmq_from_sql(conn=connection)


def _make_role(connection: Connection, name: str, password: str) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone()
    verb = sql.SQL("ALTER" if known else "CREATE")
    role = sql.Identifier(name)
    connection.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, role, sql.Literal(password)))
    connection.execute(sql.SQL(_GRANT_ALL_ROLES).format(role=role))


def _make_queue(connection: Connection, queue: topology.Queue) -> None:
    name = queue_name(queue.name)
    table = sql.Identifier("pgmq", f"q_{name}")
    # One that is there is in use: to make it again would wait for its readers and writers, and they for us.
    if connection.execute(_HAS_QUEUE, (name,)).fetchone() != (True,):
        connection.execute("SELECT pgmq.create(%s)", (name,))
        connection.execute(sql.SQL(_TRIGGERS).format(table=table))
    connection.execute(sql.SQL(_GRANT_READ).format(table=table, role=sql.Identifier(queue.owner)))
    for source in queue.exchanges:
        connection.execute("SELECT pgmq.bind_topic(%s, %s)", (source, name))
        for speaker in topology.speakers(source):
            connection.execute(sql.SQL(_GRANT_SEND).format(table=table, role=sql.Identifier(speaker)))

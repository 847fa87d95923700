"""The broker that needs nothing but pip: pgmq's queues in a PostgreSQL instance of their own.

Like RabbitMQ it makes at every start what is missing of its topology, so one that was wiped heals itself.
"""

import dataclasses
from functools import partial
from pathlib import Path
from urllib.parse import quote

import psycopg

from deploy.local import databases, homes, spec
from shared.messaging import topology
from shared.messaging.brokers import pgmq

DATABASE = "broker"


def steps(home: homes.Home, *, port: int) -> list[spec.Step]:
    """The instance, which is ready when its queues are there."""
    data = home.postgres / "broker"
    process = databases.instance(home, databases.locate(home), name="broker", data=data, port=port)
    return [dataclasses.replace(process, before=partial(_make, home, data), ready=partial(_stands, home, port))]


def queues(home: homes.Home, *, port: int) -> spec.Step:
    """The topology of today for a broker that is up: what a newcomer needs."""
    return spec.Job(name="broker.queues", after=["broker"], action=partial(_install, home, port))


def url(home: homes.Home, service: str, port: int, *, database: str = DATABASE, scheme: str = "pgmq") -> str:
    """The broker's address for one service's role."""
    password = quote(home.secret(f"broker.{service}"), safe="")
    return f"{scheme}://{service}:{password}@127.0.0.1:{port}/{database}"


def celery_database(service: str) -> str:
    """Where kombu declares what Celery wants, away from the market's own queues."""
    return f"celery_{service}"


def _make(home: homes.Home, data: Path) -> None:
    databases.make(home, data)
    (data / "postmaster.pid").unlink(missing_ok=True)


def _stands(home: homes.Home, port: int) -> bool:
    if not databases.answers(home, port):
        return False
    try:
        _install(home, port)
    except psycopg.OperationalError:  # it has gone away again
        return False
    return True


def _install(home: homes.Home, port: int) -> None:
    with psycopg.connect(databases.superuser_url(home, port), autocommit=True) as connection:
        databases.create_database(connection, name=DATABASE, owner="postgres")
        connection.execute("GRANT CONNECT ON DATABASE broker TO PUBLIC")
    passwords = {service: home.secret(f"broker.{service}") for service in topology.SERVICES}
    pgmq.install(databases.superuser_url(home, port, database=DATABASE), passwords)
    for service in topology.CELERY_VHOSTS:
        database = celery_database(service)
        with psycopg.connect(databases.superuser_url(home, port), autocommit=True) as connection:
            databases.create_database(connection, name=database, owner=service)
        pgmq.install_empty(url(home, service, port, database=database, scheme="postgresql"))

"""One PostgreSQL instance a service: made once, copied for the others, with one role and one database each."""

import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from deploy.local import homes, spec
from deploy.local.refusals import Refusal
from shared.testing import postgres

SUPERUSER_SECRET = "postgres.superuser"  # noqa: S105 - the name of a secret
_SETTINGS = {
    "shared_buffers": "32MB",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # No statement and no row in the server's log: they quote people's addresses.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


def steps(
    home: homes.Home, *, ports: Mapping[str, int], environments: Mapping[str, Mapping[str, str]] | None = None
) -> list[spec.Step]:
    """The instances of all services in `ports` (name → port), each with its role.

    `environments`: what an instance is told besides the usual, by name.
    """
    found = locate(home)
    prepare = partial(_prepare, home, found, tuple(ports))
    listed: list[spec.Step] = [spec.Job(name="databases", action=prepare)]
    for service, port in ports.items():
        environment = (environments or {}).get(service, {})
        name = f"{service}.postgres"
        listed.append(
            instance(home, found, name=name, data=home.postgres / service, port=port, environment=environment)
        )
        action = partial(_provision, home, service, port)
        listed.append(spec.Job(name=f"{service}.role", after=[name], action=action))
    return listed


def locate(home: homes.Home) -> Path:
    """The directory of PostgreSQL's programs, where the user that runs them can read it. Raises Refusal."""
    try:
        return postgres.within_reach(postgres.binaries(), copies=home.binaries)
    except postgres.NoPostgres as error:
        raise Refusal("PostgreSQL is missing.", why=str(error), do="install one of these and run again.") from error


def url(home: homes.Home, service: str, port: int, *, database: str = "") -> str:
    """The address of a service's own database, or of another one that it owns, for its own role."""
    password = quote(home.secret(f"postgres.{service}"), safe="")
    return f"postgres://{service}:{password}@127.0.0.1:{port}/{database or service}"


def superuser_url(home: homes.Home, port: int, *, database: str = "postgres") -> str:
    """The address for the superuser, whom no service knows."""
    password = quote(home.secret(SUPERUSER_SECRET), safe="")
    return f"postgres://postgres:{password}@127.0.0.1:{port}/{database}"


def superuser(home: homes.Home, service: str, port: int) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection to a service's instance as the superuser, each statement a transaction. Raises Refusal."""
    try:
        return psycopg.connect(superuser_url(home, port), autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise Refusal(
            f"The database of {service} does not answer.",
            why=str(error).strip(),
            do=f"look at it: ./manage_all.py status, ./manage_all.py logs {service}.postgres",
        ) from error


def instance(
    home: homes.Home,
    found: Path,
    *,
    name: str,
    data: Path,
    port: int,
    environment: Mapping[str, str] | None = None,
) -> spec.Process:
    """The process of one PostgreSQL instance, of the programs in `found`."""
    settings = {**_SETTINGS, "cluster_name": data.name}
    return spec.Process(
        name=name,
        after=["databases"],
        line=postgres.command(data=data, binaries=found, port=port, settings=settings),
        environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", **(environment or {})},
        cwd=data,
        home=data,
        port=port,
        user=postgres.account(),
        ready=partial(answers, home, port),
        before=partial((data / "postmaster.pid").unlink, missing_ok=True),
        end_with=signal.SIGINT,
        end_within=20,
    )


def answers(home: homes.Home, port: int) -> bool:
    """Whether the superuser can sign in. Raises Refusal where its password is not the one that is kept."""
    try:
        psycopg.connect(superuser_url(home, port), connect_timeout=2).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise Refusal(
                "The databases do not accept the password kept for them.",
                why=f"{home.secrets} does not belong to {home.postgres}.",
                do="restore that directory, or begin anew: ./manage_all.py reset",
            ) from error
        return False
    return True


def _prepare(home: homes.Home, found: Path, services: tuple[str, ...]) -> None:
    """Make the data directories that are missing. Each appears complete or not at all."""
    for half in home.postgres.glob(".new-*"):
        shutil.rmtree(half)
    template = home.postgres / "template"
    if not template.exists():
        _make_template(home, found, template)
    for service in services:
        data = home.postgres / service
        make(home, data)
        _check_version(home, found, data)


def make(home: homes.Home, data: Path) -> None:
    """An empty instance in `data`, unless there is one: complete or not at all, of the template of `databases`."""
    if not data.exists():
        half = home.postgres / f".new-{data.name}"
        subprocess.run(["cp", "-a", home.postgres / "template", half], check=True)
        half.rename(data)


def _make_template(home: homes.Home, found: Path, template: Path) -> None:
    half = home.postgres / ".new-template"
    try:
        postgres.initialise(data=half, binaries=found, password=home.secret(SUPERUSER_SECRET))
    except subprocess.CalledProcessError as error:
        raise Refusal("initdb could not make a database.", why=error.stderr.strip()) from error
    half.rename(template)


def _check_version(home: homes.Home, found: Path, data: Path) -> None:
    written = (data / "PG_VERSION").read_text().strip()
    told = subprocess.run([found / "postgres", "-V"], check=True, capture_output=True, text=True).stdout
    present = re.search(r"(\d+)\.", told)
    if present is None or present[1] != written:
        raise Refusal(
            f"{data} was written by PostgreSQL {written}, but {found} holds {told.strip()}.",
            why="a major version cannot read the files of another one.",
            do=f"set PG_BIN to the programs of PostgreSQL {written}, or begin anew: ./manage_all.py reset",
        )


def _provision(home: homes.Home, service: str, port: int) -> None:
    """The role of the service, allowed nothing but its own database; made, or given its password again."""
    role, password = sql.Identifier(service), sql.Literal(home.secret(f"postgres.{service}"))
    with psycopg.connect(superuser_url(home, port), autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [service]).fetchone()
        verb = sql.SQL("ALTER" if known else "CREATE")
        connection.execute(
            sql.SQL("{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD {}").format(verb, role, password)
        )
        create_database(connection, name=service, owner=service)


def create_database(connection: psycopg.Connection[tuple[object, ...]], *, name: str, owner: str) -> None:
    """A database that only its owner (and the superuser) can connect to; nothing when it is there."""
    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner)))
    for database in (name, "postgres"):
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))


def drop_database(connection: psycopg.Connection[tuple[object, ...]], *, name: str) -> None:
    """Remove a database, whoever is connected to it; nothing when it is not there."""
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def put_in_place(connection: psycopg.Connection[tuple[object, ...]], *, name: str, new: str, aside: str) -> None:
    """Give the database `new` the name of another one, which is kept as `aside`. Ends their connections."""
    for database in (name, new):
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    with connection.transaction():
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            connection.execute(rename.format(sql.Identifier(name), sql.Identifier(aside)))
        connection.execute(rename.format(sql.Identifier(new), sql.Identifier(name)))

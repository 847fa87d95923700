"""A dump of one service's database: made, described by a manifest beside it, checked against that, and read back."""

import datetime as dt
import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg import conninfo, sql

from deploy.local import files
from deploy.local.refusals import Refusal

_TABLES = """
SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname
"""
_MIGRATIONS = "SELECT app || '.' || name FROM django_migrations ORDER BY id"
_LOG = "SELECT epoch, position FROM messaging_log"


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What was dumped, as it was at that very moment."""

    service: str
    taken_at: dt.datetime
    epoch: int
    position: int
    postgres: int
    """The major version of the server."""
    migrations: list[str]
    rows: dict[str, int]
    """By table."""
    size: int
    sha256: str


def make(tools: Path, *, url: str, service: str, folder: Path) -> Path:
    """Dump the database at `url` into a new file of `folder`, and write its manifest. The dump's path.

    Whatever the service does meanwhile, dump and manifest tell of one moment. Raises Refusal.
    """
    taken_at = dt.datetime.now(dt.UTC)
    path = folder / f"{service}-{taken_at:%Y%m%dT%H%M%SZ}.dump"
    half = path.with_suffix(".part")
    half.touch(mode=0o600)
    try:
        with psycopg.connect(url) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            ((snapshot,),) = connection.execute("SELECT pg_export_snapshot()")
            options = ["--format=custom", f"--snapshot={snapshot}", "--no-owner", "--no-acl", f"--file={half}"]
            _run(tools / "pg_dump", *options, url=url)
            facts = _facts(connection)
        manifest = Manifest(service=service, taken_at=taken_at, size=half.stat().st_size, sha256=_digest(half), **facts)
        files.write(manifest_of(path), msgspec.json.format(msgspec.json.encode(manifest)).decode())
        half.rename(path)
    finally:
        half.unlink(missing_ok=True)
    return path


def manifest_of(path: Path) -> Path:
    """Where the manifest of a dump stands."""
    return path.with_suffix(".json")


def read(path: Path) -> Manifest:
    """The manifest of a dump that is whole. Raises Refusal."""
    if not path.is_file():
        raise Refusal(
            f"There is no dump {path}.", do="name a file that `backup` has written: …/orders-20261124T200000Z.dump"
        )
    try:
        manifest = msgspec.json.decode(manifest_of(path).read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        told = f"{manifest_of(path)} is missing: without it nobody knows whether the dump is whole."
        raise Refusal(f"{path} has no manifest.", why=told, do="put it beside the dump again.") from error
    except (OSError, msgspec.DecodeError) as error:
        raise Refusal(f"{manifest_of(path)} cannot be read.", why=str(error)) from error
    if _digest(path) != manifest.sha256:
        why = f"it has {path.stat().st_size} bytes and another checksum than when it was made ({manifest.size} bytes)."
        raise Refusal(f"{path} is damaged.", why=why, do="take another copy of it, or another dump.")
    return manifest


def load(tools: Path, *, url: str, path: Path, manifest: Manifest) -> None:
    """Read the dump into the empty database at `url`; all rows have to be there then. Raises Refusal."""
    database = conninfo.conninfo_to_dict(url)["dbname"]
    options = ["--no-owner", "--no-acl", "--exit-on-error", "--single-transaction", f"--dbname={database}"]
    _run(tools / "pg_restore", *options, str(path), url=url)
    with psycopg.connect(url) as connection:
        found = rows(connection)
    if found != manifest.rows:
        wrong = [name for name in {**found, **manifest.rows} if found.get(name) != manifest.rows.get(name)]
        told = ", ".join(f"{name} has {found.get(name)} rows of {manifest.rows.get(name)}" for name in wrong)
        raise Refusal(f"{path} does not bring back what was dumped.", why=told)


def list_contents(tools: Path, path: Path) -> list[str]:
    """What the dump says it contains, a line an entry. Raises Refusal."""
    told = _run(tools / "pg_restore", "--list", str(path))
    return [line for line in told.splitlines() if line and not line.startswith(";")]


def rows(connection: psycopg.Connection[Any]) -> dict[str, int]:
    """How many rows each table has."""
    counted = {}
    for (table,) in connection.execute(_TABLES).fetchall():
        count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        ((counted[table],),) = connection.execute(count)
    return counted


def _facts(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """What the manifest tells of the database, all of the connection's one snapshot."""
    epoch, position = connection.execute(_LOG).fetchone() or (1, 0)
    return {
        "epoch": epoch,
        "position": position,
        "postgres": connection.info.server_version // 10000,
        "migrations": [name for (name,) in connection.execute(_MIGRATIONS)],
        "rows": rows(connection),
    }


def _run(program: Path, *arguments: str, url: str = "") -> str:
    """What one of PostgreSQL's tools prints. The password goes through its environment, where `ps` shows nothing."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    place = conninfo.conninfo_to_dict(url) if url else {}
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
    environment |= {names[name]: str(value) for name, value in place.items() if name in names}
    try:
        done = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Refusal(
            f"{program.name} is missing.",
            why=f"{program.parent} holds PostgreSQL's server without its tools.",
            do="apt-get install postgresql, or set PG_BIN to a directory that holds both.",
        ) from error
    if done.returncode != 0:
        raise Refusal(f"{program.name} failed.", why=done.stderr.strip()[-2000:] or f"exit code {done.returncode}")
    return done.stdout


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

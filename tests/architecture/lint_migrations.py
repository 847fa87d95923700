"""Says, as JSON, what stands against each migration of the service whose settings DJANGO_SETTINGS_MODULE names.

A program of its own, for each service has settings of its own. It needs the service's database, empty or not: Django
asks it which migrations there are. Two linters: django-migration-linter knows what breaks old code and what cannot be
taken back, squawk reads the SQL as PostgreSQL does and knows what locks a table, or reads all of it.
"""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import django
from django_migration_linter.migration_linter import MigrationLinter
from django_migration_linter.sql_analyser import PostgresqlAnalyser, analyse_sql_statements

OLDEST_POSTGRES = "15.0"
MATTERS_OF_TASTE = (
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-identity",
    "prefer-repack",
    "prefer-robust-stmts",
    "prefer-text-field",
    "prefer-timestamp-tz",
)
SQUAWK_KNOWS_BETTER = ("CREATE_INDEX", "CREATE_INDEX_EXCLUSIVE")
"""The other takes a partial index of a new table for one of a table in use, and a second one in use for the first."""
THE_COMMANDS_OWN = ("require-lock-timeout", "require-statement-timeout", "require-timeout-settings")
"""`manage.py migrate` of this repository sees to them."""


def main() -> None:
    sys.path[0] = str(Path.cwd())
    django.setup()
    linter = MigrationLinter(no_cache=True, no_output=True)
    service = os.environ["DJANGO_SETTINGS_MODULE"].partition(".")[0]
    known = linter.migration_loader.disk_migrations.values()
    ours = [one for one in known if one.__module__.startswith(("shared.", f"{service}."))]
    json.dump({f"{one.app_label}.{one.name}": _findings(linter, one) for one in ours}, sys.stdout)


def _findings(linter, migration):
    statements = linter.get_sql(migration.app_label, migration.name)
    errors, _, warnings = analyse_sql_statements(PostgresqlAnalyser, statements, SQUAWK_KNOWS_BETTER)
    of_code, _, warned = linter.analyse_data_migration(migration)
    seen = {issue.code for issue in (*errors, *warnings, *of_code, *warned)}
    return sorted(seen | _squawk("\n".join(statements)))


def _squawk(sql):
    line = [Path(sysconfig.get_path("scripts")) / "squawk", "--reporter", "json", "--pg-version", OLDEST_POSTGRES]
    line.append("--exclude=" + ",".join((*MATTERS_OF_TASTE, *THE_COMMANDS_OWN)))
    done = subprocess.run(line, input=sql, capture_output=True, text=True, check=False)
    return {found["rule_name"] for found in json.loads(done.stdout)}


if __name__ == "__main__":
    main()

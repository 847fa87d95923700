"""Where a piece of text stands in a database: in which column of any table, whatever type it has."""

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db import connection
from psycopg import sql

Query = Callable[[sql.Composable, Sequence[Any]], Iterable[tuple[Any, ...]]]
"""Runs a statement with these parameters; its rows."""

_COLUMNS = sql.SQL("""
SELECT nspname, relname, attname, atttypid = 'bytea'::regtype
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped
  AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY nspname, relname, attnum
""")


def of(text: str, *, query: Query) -> set[str]:
    """The columns, each as `table.column`, of which some row holds `text` in whatever case; bytes are read as ASCII."""
    found = set()
    for (schema, table), columns in groupby(query(_COLUMNS, ()), key=itemgetter(0, 1)):
        named = [(column, is_bytes) for *_, column, is_bytes in columns]
        (answers,) = query(_search(schema, table, named), [text.lower()] * len(named))
        found |= {f"{table}.{column}" for (column, _), holds in zip(named, answers, strict=True) if holds}
    return found


def _search(schema: str, table: str, columns: Sequence[tuple[str, bool]]) -> sql.Composable:
    """One look at a table, with an answer for each column."""
    bytes_, other = sql.SQL("encode({}, 'escape')"), sql.SQL("{}::text")
    holds = sql.SQL("coalesce(bool_or(position(%s IN lower({})) > 0), false)")
    texts = [(bytes_ if is_bytes else other).format(sql.Identifier(column)) for column, is_bytes in columns]
    wanted = sql.SQL(", ").join([holds.format(text) for text in texts])
    return sql.SQL("SELECT {} FROM {}").format(wanted, sql.Identifier(schema, table))


def here(text: str) -> set[str]:
    """The columns of this service's own database, as the test's own transaction sees it."""

    def query(statement: sql.Composable, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement.as_string(connection.connection), values)
            return list(cursor.fetchall())

    return of(text, query=query)

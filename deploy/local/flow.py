"""How the events flow: what each service has not sent yet, and how far it is behind those it listens to."""

import concurrent.futures
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from rich.table import Table

from shared.messaging import levels

_QUICKLY = "-c default_transaction_read_only=on -c statement_timeout=2000"


def look(dsns: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row a service; of one whose database is `away` nothing else is known."""
    with concurrent.futures.ThreadPoolExecutor(max(1, len(dsns))) as pool:
        return list(pool.map(_row, dsns.keys(), dsns.values()))


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The rows for people."""
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("flow", "unsent", "oldest", "behind"):
        shown.add_column(heading, justify="right" if heading in ("unsent", "oldest") else "left")
    for row in rows:
        if row["away"]:
            shown.add_row(row["service"], "[yellow]away[/]", "–", "–")
        else:
            oldest = f"{row['oldest']:.1f} s" if row["unsent"] else "–"
            shown.add_row(row["service"], str(row["unsent"]), oldest, _behind(row))
    return shown


def _row(service: str, dsn: str) -> dict[str, Any]:
    try:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=2, options=_QUICKLY) as connection:
            unsent, oldest = connection.execute(levels.UNSENT).fetchall()[0]
            lag = connection.execute(levels.LAG, {"consumer": service}).fetchall()
            ((pending,),) = connection.execute(levels.REPLAY_PENDING).fetchall()
    except psycopg.Error:
        return {"service": service, "away": True, "unsent": None, "oldest": None, "lag": {}, "replay": None}
    lags = {source.removeprefix("/"): int(number) for source, number in lag}
    told = {"unsent": unsent, "oldest": float(oldest), "lag": lags, "replay": pending}
    return {"service": service, "away": False, **told}


def _behind(row: Mapping[str, Any]) -> str:
    """`auth 0, orders 12`, and what others wait to be told again."""
    lags = [f"{source} [yellow]{lag}[/]" if lag else f"{source} 0" for source, lag in row["lag"].items()]
    asked = [f"[yellow]asked to tell again by {row['replay']}[/]"] if row["replay"] else []
    return ", ".join([*lags, *asked]) or "–"

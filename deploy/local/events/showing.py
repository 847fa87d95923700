"""Events as lines for people, and as JSON for programs."""

import datetime as dt
import json
from collections.abc import Iterable
from typing import Any

from rich.text import Text

from deploy.local.events import said, tree

_COLOURS = {"applied": "green", "stale": "yellow", "ignored": "dim", "parked": "bold red"}


def heading() -> Text:
    cells = ("time (UTC)", "service", "type", "subject", "version", "position", "state", "heard by")
    return Text(_columns(*cells), style="bold")


def line(one: said.Said) -> Text:
    """One event in one line, the request it was said for at its end."""
    version = "–" if one.version is None else f"v{one.version}"
    cells = (_clock(one.at), one.service, one.type, _short(one.subject), version, _position(one), one.state)
    shown = Text(_columns(*cells, "")).append_text(_hearing(one))
    return shown.append(f"  request {one.request}", style="dim") if one.request else shown


def branch(hop: tree.Hop) -> Text:
    """One event at its place in a tree; a root tells the time that the others are counted from."""
    one = hop.event
    shown = Text(_rails(hop.lasts), style="dim").append_text(Text(f"{one.service} ", style="cyan"))
    shown.append(f"{one.type} ", style="bold").append(f"{one.state} {_short(one.subject)} ")
    shown.append(f"+{hop.since_root} ms" if hop.parent else f"{one.at.date()} {_clock(one.at)} UTC", style="magenta")
    return shown.append("  ").append_text(_hearing(one))


def as_json(one: said.Said, **more: Any) -> str:
    """One event as one line; `more` members of it."""
    told = {
        "id": str(one.id),
        "time": _iso(one.at),
        "service": one.service,
        "type": one.type,
        "subject": one.subject,
        "version": one.version,
        "epoch": one.epoch,
        "position": one.position,
        "sent": one.sent,
        "state": one.state,
        "requestId": one.request,
        "causeId": None if one.cause is None else str(one.cause),
        "heard": [{"by": row.by, "outcome": row.outcome, "ms": one.delay(row)} for row in one.heard],
        "unheardBy": list(one.unheard_by),
        "data": one.data,
    }
    return json.dumps({**told, **more}, ensure_ascii=False)


def hop_as_json(hop: tree.Hop) -> str:
    """As an event, and where it stands: under `parent`, so many milliseconds after its root."""
    parent = None if hop.parent is None else str(hop.parent)
    return as_json(hop.event, parent=parent, depth=len(hop.lasts), msSinceRoot=hop.since_root)


def _columns(*cells: str) -> str:
    widths = (12, 8, 26, 9, 7, 8, 16, 0)
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))


def _hearing(one: said.Said) -> Text:
    heard: Iterable[Text] = (
        Text.assemble(f"{row.by} ", (row.outcome, _COLOURS.get(row.outcome, "")), f" {one.delay(row)} ms")
        for row in one.heard
    )
    unheard = (Text(f"{name} not yet", style="yellow") for name in one.unheard_by)
    return Text(", ").join([*heard, *unheard]) or Text("nobody listens", style="dim")


def _rails(lasts: tuple[bool, ...]) -> str:
    above = "".join("    " if last else "│   " for last in lasts[:-1])
    return above + ("└── " if lasts[-1] else "├── ") if lasts else ""


def _position(one: said.Said) -> str:
    """Of an event that the broker has not confirmed, that it is unsent."""
    return f"{one.epoch}:{one.position}" if one.sent else "unsent"


def _short(subject: str) -> str:
    """The end of it: UUIDs of the same minute begin alike."""
    return subject if len(subject) <= 9 else f"…{subject[-8:]}"


def _clock(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%H:%M:%S.%f")[:-3]


def _iso(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""Who handles what: the HANDLERS tables of the modules in MESSAGING_HANDLERS, read as one."""

import datetime as dt
import functools
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol

from django.conf import settings

from shared.contracts import events


class Handler(Protocol):
    """What hears an event: compares, then commands. Runs in the transaction of the inbox row."""

    def __call__(self, event: Any, /, *, now: dt.datetime) -> None: ...


def handlers_of(event_type: type[events.Event] | None) -> Sequence[Handler]:
    """The handlers of the event, in the order of MESSAGING_HANDLERS; none where nobody subscribes to it."""
    return table().get(event_type, ()) if event_type else ()


def table() -> Mapping[type[events.Event], Sequence[Handler]]:
    """All subscriptions of this service. Imports the modules, and so raises what they raise."""
    return _table(tuple(settings.MESSAGING_HANDLERS))


@functools.cache
def _table(modules: tuple[str, ...]) -> Mapping[type[events.Event], Sequence[Handler]]:
    merged: dict[type[events.Event], list[Handler]] = {}
    for module in modules:
        for event_type, handler in import_module(module).HANDLERS.items():
            merged.setdefault(event_type, []).append(handler)
    return merged

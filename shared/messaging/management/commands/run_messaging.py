"""The messaging process of a service: relay, consumers, sweeps, and a port that tells how they are."""

import functools
import os
import signal
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string

from shared.messaging import consumer, relay, replay, subscriptions, sweeps, topology
from shared.messaging.crew import Crew, Duty, background, once_migrated
from shared.messaging.server import Server


class Command(BaseCommand):
    help = "Relay the outbox, consume this service's queues, run its sweeps; until SIGTERM."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address of /livez, /readyz and /metrics")
        parser.add_argument("--port", type=int, required=True)
        parser.add_argument("--only", choices=["relay", "consumer", "replay", "sweeps"], help="run one part alone")

    def handle(self, *, host: str, port: int, only: str | None, **_options: Any) -> None:
        subscriptions.table()  # a handler that cannot be imported ends the process here and not at its first event
        crew = Crew()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: crew.dismiss())
        server = Server((host, port), parts=crew.parts)
        for name, duty in _duties(only):
            crew.enlist(name, once_migrated(duty))
        crew.enlist("server", server.serve)
        if not crew.wait():
            os._exit(1)  # what hangs would hold up the interpreter's own end as well


def _duties(only: str | None) -> Iterator[tuple[str, Duty]]:
    if only in (None, "relay"):
        yield "relay", relay.run
    if only in (None, "consumer"):
        for queue in topology.queues(settings.SERVICE):
            yield queue.name, functools.partial(consumer.run, queue=queue)
    if only in (None, "replay"):
        yield "replay", replay.run
    if only in (None, "sweeps"):
        yield "sweeps", sweeps.run
    if only is None:
        for path in settings.MESSAGING_BACKGROUND:
            yield path, background(import_string(path))

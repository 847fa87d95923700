"""Looking at what could not be applied, and deciding on it, from a terminal."""

import datetime as dt
import json
import re
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.timesince import timesince

from shared import clock
from shared.messaging import models, parked, topology

# As `list` shows them. The name of the service is in it because numbers are given in each database anew: a command
# for all services must not discard the 3 of one while the 3 of another is meant.
_ID = re.compile(r"([a-z_]+)-([0-9]{1,18})")


class Command(BaseCommand):
    help = "List parked messages, retry them, or discard them with a reason."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        listed = actions.add_parser("list", help="what is parked")
        listed.add_argument("--json", dest="as_json", action="store_true", help="one object a line, with the traceback")
        retry = actions.add_parser("retry", help="apply messages as if they had just come")
        retry.add_argument("--all", action="store_true", help="everything that is parked")
        discard = actions.add_parser("discard", help="give messages up; their rows stay")
        discard.add_argument("--reason", required=True, help="why it is right that they are never applied")
        for action in (retry, discard):
            action.add_argument("ids", nargs="*", metavar="ID", help=f"as listed: {settings.SERVICE}-3")
        for action in (listed, retry, discard):
            action.add_argument("--type", help="all of this type: ticket.updated, …")

    def handle(self, *, action: str, **options: Any) -> None:
        actions: dict[str, Callable[..., None]]
        actions = {"list": self._list, "retry": self._retry, "discard": self._discard}
        actions[action](**options)

    def _list(self, *, type: str | None, as_json: bool, **_others: Any) -> None:
        found = _of_type(type)
        now = clock.now()
        for message in found:
            self.stdout.write(_as_json(message) if as_json else _as_text(message, now=now))
        if not found and not as_json:
            self._say_nothing()

    def _retry(self, *, ids: Sequence[str], type: str | None, all: bool, **_others: Any) -> None:
        chosen = _chosen(ids, type, all)
        failed = 0
        for message, outcome in parked.retry_each(chosen):
            self.stdout.write(f"{_name(message)}: {parked.TOLD[outcome]}")
            failed += outcome == models.Outcome.PARKED
        if not chosen:
            self._say_nothing()
        if failed:
            raise CommandError(f"{failed} of {len(chosen)} failed again; `parked list` shows with which error")

    def _discard(self, *, ids: Sequence[str], type: str | None, reason: str, **_others: Any) -> None:
        try:
            reason = models.stated(reason)
        except models.NoReason as error:
            raise CommandError(str(error)) from error
        chosen = _chosen(ids, type)
        for message in parked.discard_each(chosen, reason=reason):
            self.stdout.write(f"{_name(message)}: discarded")
        if not chosen:
            self._say_nothing()

    def _say_nothing(self) -> None:
        self.stdout.write(f"nothing of that is parked in {settings.SERVICE}")


def _chosen(ids: Sequence[str], type: str | None, all: bool = False) -> list[models.ParkedMessage]:
    """What the operator has named, in exactly one way. Raises CommandError, and then nothing has been done."""
    if sum(map(bool, (ids, type, all))) != 1:
        raise CommandError("Say which, in one way: IDs as `parked list` shows them, --type, or (retry) --all.")
    return _named(ids) if ids else _of_type(type)


def _of_type(type: str | None) -> list[models.ParkedMessage]:
    found = parked.waiting()
    return list(found.filter(type=type) if type else found)


def _named(ids: Sequence[str]) -> list[models.ParkedMessage]:
    """Those of this service: whoever runs the command in every service names messages of all."""
    numbers = {number for service, number in map(_parse, ids) if service == settings.SERVICE}
    found = list(parked.waiting().filter(id__in=numbers))
    if missing := numbers - {message.pk for message in found}:
        names = ", ".join(f"{settings.SERVICE}-{number}" for number in sorted(missing))
        told = f"Not parked, or applied or discarded already: {names}. Nothing was done in {settings.SERVICE}."
        raise CommandError(told)
    return found


def _parse(name: str) -> tuple[str, int]:
    match = _ID.fullmatch(name)
    if not match or match[1] not in topology.SERVICES:
        raise CommandError(f"{name} is not an ID; they look like {settings.SERVICE}-3, as `parked list` shows them.")
    return match[1], int(match[2])


def _name(message: models.ParkedMessage) -> str:
    return f"{settings.SERVICE}-{message.pk}"


def _as_text(message: models.ParkedMessage, *, now: dt.datetime) -> str:
    waited = timesince(message.parked_at, now).replace("\xa0", " ")
    return f"{_name(message)}  {message}  tried {message.attempts} x, waits for {waited}\n    {message.error}"


def _as_json(message: models.ParkedMessage) -> str:
    return json.dumps(
        {
            "id": _name(message),
            "eventId": str(message.event_id),
            "type": message.type,
            "source": message.source,
            "attempts": message.attempts,
            "parkedAt": message.parked_at.isoformat(),
            "triedAt": message.tried_at.isoformat(),
            "error": message.error,
            "traceback": message.traceback,
        }
    )

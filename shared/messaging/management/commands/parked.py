"""Looking at what could not be applied, and deciding on it, from a terminal."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from shared import clock
from shared.messaging import models, parked


class Command(BaseCommand):
    help = "List parked messages, retry them, or discard one with a reason."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="what is parked")
        retry = actions.add_parser("retry", help="apply messages as if they had just come")
        retry.add_argument("ids", nargs="+", type=int)
        discard = actions.add_parser("discard", help="give a message up; its row stays")
        discard.add_argument("ids", nargs="+", type=int)
        discard.add_argument("--reason", required=True)

    def handle(self, *, action: str, **options: Any) -> None:
        if action == "list":
            for message in models.ParkedMessage.objects.filter(state="parked").order_by("id"):
                tried = f"{message.attempts} tried"
                self.stdout.write(f"{message.id}  {message.parked_at:%Y-%m-%d %H:%M:%S}  {tried}  {message}")
            return
        missing = set(options["ids"]) - set(models.ParkedMessage.objects.values_list("id", flat=True))
        if missing:
            raise CommandError(f"no such message: {', '.join(map(str, sorted(missing)))}")
        decide = {"retry": self._retry, "discard": self._discard}[action]
        for parked_id in options["ids"]:
            try:
                decide(parked_id, options.get("reason", ""))
            except models.NotParked as error:
                raise CommandError(f"{parked_id}: {error}") from error

    def _retry(self, parked_id: int, _reason: str) -> None:
        worked = parked.retry(parked_id=parked_id, now=clock.now())
        self.stdout.write(f"{parked_id}: {'applied' if worked else 'failed again, still parked'}")

    def _discard(self, parked_id: int, reason: str) -> None:
        parked.discard(parked_id=parked_id, reason=reason, now=clock.now())
        self.stdout.write(f"{parked_id}: discarded")

"""Lets the next key sign access tokens, and publishes another."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from auth_service.users import commands
from shared import clock


class Command(BaseCommand):
    help = "Sign with the next key from now on; the one before counts until its last token is over."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--now", action="store_true", help="also while services may not know the next key, whose tokens they refuse"
        )

    def handle(self, *args: Any, now: bool, **options: Any) -> None:
        try:
            key = commands.rotate_signing_key(now=clock.now(), insist=now)
        except commands.StandbyTooNew as error:
            raise CommandError(f"{error.message} Wait till then, or insist with --now.") from error
        self.stdout.write(f"Signing with {key.kid}.")

"""Makes the key that signs access tokens, if there is none."""

from typing import Any

from django.core.management.base import BaseCommand

from auth_service.users import commands
from shared import clock


class Command(BaseCommand):
    help = "Make the key that signs access tokens, if there is none."

    def handle(self, *args: Any, **options: Any) -> None:
        key = commands.ensure_signing_key(now=clock.now())
        self.stdout.write(f"Signing with {key.kid}.")

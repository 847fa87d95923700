"""Refuses everything that a key has signed, everywhere and at once."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from auth_service.users import commands, queries
from shared import clock, errors


class Command(BaseCommand):
    help = "Refuse everything that the key KID has signed, everywhere and for good, because it has leaked."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kid", metavar="KID", help="as in the header of its tokens and in /.well-known/jwks.json")

    def handle(self, *args: Any, kid: str, **options: Any) -> None:
        try:
            key = commands.revoke_signing_key(kid=kid, now=clock.now())
        except errors.DomainError as error:
            published = ", ".join(f"{key['kid']}" for key in queries.key_set()["keys"])
            raise CommandError(f"{error.message} These keys count: {published}.") from error
        self.stdout.write(f"{kid} is revoked. Signing with {key.kid}.")

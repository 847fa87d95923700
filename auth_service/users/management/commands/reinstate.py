"""Lets a banned user sign in again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from auth_service.users import commands, queries
from shared import errors


class Command(BaseCommand):
    help = "Let the banned EMAIL sign in again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        user = queries.account_of(email)
        if user is None:
            raise CommandError(f"There is no account {email}.")
        try:
            commands.reinstate_user(user_id=user.pk)
        except errors.DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{email} is reinstated.")

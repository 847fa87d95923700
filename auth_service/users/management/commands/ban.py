"""Refuses a user everywhere, within a second."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from auth_service.users import commands, queries
from shared import clock, errors


class Command(BaseCommand):
    help = "Refuse EMAIL everywhere, all sessions included."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        user = queries.account_of(email)
        if user is None:
            raise CommandError(f"There is no account {email}.")
        try:
            commands.ban_user(user_id=user.pk, now=clock.now())
        except errors.DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{email} is banned.")

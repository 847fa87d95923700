"""Makes an administrator: a new account, or an existing one with this password."""

import getpass
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from auth_service.users import commands, serializers
from shared import clock


class Command(BaseCommand):
    help = "Make EMAIL an administrator; the password comes from STAFF_PASSWORD or the prompt."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        password = os.environ.get("STAFF_PASSWORD") or getpass.getpass(f"Password for {email}: ")
        account = serializers.NewAccount(data={"email": email, "password": password})
        if not account.is_valid():
            raise CommandError("; ".join(f"{name}: {rules[0]}" for name, rules in account.errors.items()))
        user = commands.make_staff(**account.validated_data, now=clock.now())
        self.stdout.write(f"{user.email} is an administrator now.")

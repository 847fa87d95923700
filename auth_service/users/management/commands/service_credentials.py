"""The secrets with which services ask auth about tokens: looking at them, adding and retiring one."""

import os
import secrets
import uuid
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from auth_service.users import commands, queries
from shared import clock, errors


class Command(BaseCommand):
    help = "List the secrets by which services prove who they are, add one, or retire one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="which are valid, without the secrets: nobody knows them")
        add = actions.add_parser("add", help="let SERVICE prove itself by NEW_SECRET, or by one that is made and shown")
        add.add_argument("service", metavar="SERVICE")
        retire = actions.add_parser("retire", help="let one count no more")
        retire.add_argument("credential_id", metavar="ID", type=uuid.UUID)

    def handle(self, *, action: str, **options: Any) -> None:
        actions: dict[str, Callable[..., None]] = {"list": self._list, "add": self._add, "retire": self._retire}
        try:
            actions[action](**options)
        except errors.DomainError as error:
            raise CommandError(error.message) from error

    def _list(self, **_others: Any) -> None:
        for credential in queries.service_credentials():
            self.stdout.write(f"{credential.pk}  {credential.service}  since {credential.created_at.isoformat()}")

    def _add(self, *, service: str, **_others: Any) -> None:
        given = os.environ.get("NEW_SECRET")
        secret = given or secrets.token_urlsafe(48)
        credential = commands.add_service_credential(service=service, secret=secret, now=clock.now())
        self.stdout.write(f"{credential} is valid.")
        if not given:
            self.stdout.write(
                f"INTROSPECT_SECRET={secret}\nIt is shown once. Give it to {service}, then retire the old one."
            )

    def _retire(self, *, credential_id: uuid.UUID, **_others: Any) -> None:
        credential = commands.retire_service_credential(credential_id=credential_id, now=clock.now())
        self.stdout.write(f"{credential} is retired.")

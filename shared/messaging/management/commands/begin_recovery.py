"""Prepares a database that was just restored from a dump, before the service's processes use it."""

from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from shared.messaging import recovery


class Command(BaseCommand):
    help = "Have a restored database begin a new epoch, and the service catch up with the others when it starts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--epoch", type=int, required=True, help="above every one that a listener has heard of")

    def handle(self, *, epoch: int, **_options: Any) -> None:
        _demand_fitting_tables()
        if not 0 < epoch < 2**31:
            raise CommandError(f"{epoch} is no epoch.")
        try:
            recovery.begin(epoch=epoch)
        except recovery.EpochNotNew as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"epoch {epoch} begins; writes are refused until the others have been heard")


def _demand_fitting_tables() -> None:
    """The tables have to be those of this very code: neither older nor newer."""
    loader = MigrationLoader(connection)
    applied, known = set(loader.applied_migrations), set(loader.disk_migrations)
    if applied - known:
        raise CommandError(f"The dump was made by newer code: this one does not know {_named(applied - known)}.")
    if known - applied:
        raise CommandError(f"Run migrate first: {_named(known - applied)} are not applied.")


def _named(migrations: Iterable[tuple[str, str]]) -> str:
    return ", ".join(".".join(names) for names in sorted(migrations))

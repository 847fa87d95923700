"""Writing down what this service says and hears."""

import json
import pathlib
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from shared.messaging import asyncapi


class Command(BaseCommand):
    help = "Write the AsyncAPI document of the events anew; what other services hear stays as it is written there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--file", type=pathlib.Path, default=pathlib.Path("docs/api/events.json"))

    def handle(self, *, file: pathlib.Path, **_options: Any) -> None:
        committed = json.loads(file.read_text()) if file.exists() else {}
        document = asyncapi.updated(committed, service=settings.SERVICE)
        file.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")

#!/usr/bin/env python3
"""Management commands of the encore service."""

import os
import pathlib
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    # The repository's root, not this folder: every module has exactly one name.
    sys.path[0] = str(pathlib.Path(__file__).resolve().parent.parent)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "encore_service.config.settings")
    execute_from_command_line(sys.argv)

"""What a process is told by its environment, and one clear message when it was not told enough."""

import os
import pathlib

import environ
from django.core.exceptions import ImproperlyConfigured


class Environment(environ.Env):  # type: ignore[misc] # it comes without types
    """`environ.Env` in which every NAME may also be given as the path of a file, NAME_FILE (for secrets)."""

    def __init__(self, *required: str) -> None:
        super().__init__()
        self.ENVIRON: dict[str, str] = dict(os.environ)
        self._read_files()
        self.demand(*required)

    def demand(self, *required: str) -> None:
        """Raises ImproperlyConfigured, with all their names, where some of `required` are not set."""
        missing = [name for name in required if not self.ENVIRON.get(name)]
        if missing:
            raise ImproperlyConfigured(
                f"This process cannot start: {', '.join(missing)} is not set in its environment. "
                "Set each, or NAME_FILE with the path of a file that holds the value. In development "
                "`./manage_all.py run SERVICE` sets them all; `docs/operations.md` lists what they mean."
            )

    def _read_files(self) -> None:
        for name, path in list(self.ENVIRON.items()):
            if name.endswith("_FILE") and name.removesuffix("_FILE") in SECRETS:
                self.ENVIRON[name.removesuffix("_FILE")] = pathlib.Path(path).read_text().strip()


SECRETS = (
    "SECRET_KEY",
    "DATABASE_URL",
    "BROKER_URL",
    "CELERY_BROKER_URL",
    "SIGNING_SECRET",
    "SIGNING_SECRET_OLD",
    "REFRESH_SECRET",
    "EMAIL_URL",
    "INTROSPECT_SECRET",
)

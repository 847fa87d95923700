"""Where a market keeps what it needs to live: `.local/` of the clone, or ADMIT_ONE_HOME.

    state.json ports.json supervisor.lock    what runs, and where
    secrets/                                 one file a secret
    logs/                                    one file a process
    mail/                                    one file a mail that was sent
    postgres/  broker/  binaries/            what the database and broker processes own

As root those last three belong to another user (PostgreSQL and RabbitMQ refuse to be root). Where that user cannot
enter the directory (a clone below /root), they live in /var/lib/admit-one and `.local` holds links to them.
"""

import dataclasses
import hashlib
import os
import pwd
import secrets
import shutil
from pathlib import Path

from deploy.local import files
from deploy.local.refusals import Refusal
from shared.testing import postgres

ROOT = Path(__file__).resolve().parents[2]
_ELSEWHERE = Path("/var/lib/admit-one")
_SHELTERED = ("postgres", "broker", "binaries")


@dataclasses.dataclass(frozen=True)
class Home:
    """The directory of one market and the places in it."""

    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def mail(self) -> Path:
        return self.path / "mail"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def state(self) -> Path:
        return self.path / "state.json"

    @property
    def lock(self) -> Path:
        return self.path / "supervisor.lock"

    @property
    def ports(self) -> Path:
        return self.path / "ports.json"

    @property
    def shelter(self) -> Path:
        """The directory whose children the database and broker processes own."""
        user = postgres.account()
        if user is None or _may_enter(self.path.parent, pwd.getpwnam(user)):
            return self.path
        return _ELSEWHERE / hashlib.sha256(str(self.path).encode()).hexdigest()[:12]

    @property
    def postgres(self) -> Path:
        return self.shelter / "postgres"

    @property
    def broker(self) -> Path:
        return self.shelter / "broker"

    @property
    def binaries(self) -> Path:
        return self.shelter / "binaries"

    def prepare(self) -> None:
        """Make the directories. Raises Refusal when this user may not."""
        try:
            files.directory(self.path)
            for path in (self.logs, self.mail, self.secrets):
                files.directory(path)
            if user := postgres.account():
                self._shelter(user)
            for path in (self.postgres, self.broker, self.binaries):
                self.give(files.directory(path))
        except PermissionError as error:
            raise Refusal(
                f"{self.path} cannot be prepared.",
                why=f"{error.filename}: {error.strerror}. Perhaps an earlier `up` ran as another user.",
                do=f"run as that user, or remove {self.path}, or set ADMIT_ONE_HOME to a directory of your own.",
            ) from error

    def give(self, path: Path) -> None:
        """Let the database and broker processes own `path` (only root can, and needs to)."""
        if user := postgres.account():
            shutil.chown(path, user, pwd.getpwnam(user).pw_gid)

    def secret(self, name: str) -> str:
        """The secret called `name`, made on first asking; without the end of the line that an editor leaves."""
        path = self.secrets / name
        if not path.exists():
            files.directory(files.directory(self.path) / self.secrets.name)
            files.write(path, secrets.token_urlsafe(48))
        return path.read_text().strip()

    def empty(self) -> None:
        """Remove everything, the sheltered part too."""
        shelter = self.shelter
        shutil.rmtree(self.path, ignore_errors=True)
        if shelter != self.path:
            shutil.rmtree(shelter, ignore_errors=True)

    def _shelter(self, user: str) -> None:
        shelter = self.shelter
        if shelter == self.path:
            self.give(self.path)
            return
        shelter.mkdir(parents=True, exist_ok=True)
        _ELSEWHERE.chmod(0o711)
        self.give(files.directory(shelter))
        for name in _SHELTERED:
            if not (self.path / name).is_symlink():
                (self.path / name).symlink_to(shelter / name)


def current() -> Home:
    """The home that ADMIT_ONE_HOME names, else `.local` of this clone."""
    return Home(Path(os.environ.get("ADMIT_ONE_HOME") or ROOT / ".local").resolve())


def _may_enter(directory: Path, user: pwd.struct_passwd) -> bool:
    """Whether `user` may walk down to `directory`, by the mode bits of every step."""
    return all(_may_pass(step, user) for step in (directory, *directory.parents) if step.exists())


def _may_pass(step: Path, user: pwd.struct_passwd) -> bool:
    seen = step.stat()
    if seen.st_uid == user.pw_uid:
        return bool(seen.st_mode & 0o100)
    if seen.st_gid == user.pw_gid:
        return bool(seen.st_mode & 0o010)
    return bool(seen.st_mode & 0o001)

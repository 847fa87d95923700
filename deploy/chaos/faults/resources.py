"""What a database runs out of: connections, and room on its disk."""

import contextlib

import psycopg

from deploy.chaos import disks, market
from deploy.chaos.faults import base

_MOST = 500


class Connections(base.Fault):
    """The service's own role holds every connection that its database has."""

    def strike(self) -> str:
        self._held: list[psycopg.Connection[tuple[object, ...]]] = []
        address = self.market.dsns()[self.target]
        try:
            while len(self._held) < _MOST:
                self._held.append(psycopg.connect(address, autocommit=True, connect_timeout=5))
        except psycopg.OperationalError as error:
            if "slots" not in str(error) and "too many" not in str(error):
                raise base.Missed(str(error)) from error
            return f"{len(self._held)} held"
        raise base.Missed(f"{_MOST} were given")

    def heal(self) -> None:
        for connection in self._held:
            with contextlib.suppress(psycopg.Error):
                connection.close()


class DiskFull(base.Fault):
    """Not one block is free where the database lives."""

    @classmethod
    def missing(cls) -> str:
        return (
            ""
            if disks.can_mount()
            else "no small disk can be mounted here (that takes root, and a kernel that lets it)"
        )

    def strike(self) -> str:
        size = self.market.disks.fill(self.target)
        if not self._is_full():
            raise base.Missed("the database found room all the same")
        return f"{size / 2**20:.0f} MiB of ballast"

    def heal(self) -> None:
        self.market.disks.free(self.target)
        self.market.wait_ready(f"{self.target}.postgres")
        market.until(lambda: not self._is_full(), seconds=60, what=f"{self.target}'s database to have room")

    def _is_full(self) -> bool:
        """Whether a table of some size cannot be written."""
        try:
            with psycopg.connect(self.market.superuser(self.target), connect_timeout=5) as connection:
                connection.execute("CREATE TEMPORARY TABLE probe AS SELECT generate_series(1, 100000)")
        except psycopg.Error:
            return True
        return False

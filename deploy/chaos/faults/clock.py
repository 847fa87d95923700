"""A clock that runs wrong."""

import time

import psycopg

from deploy.chaos import clocks
from deploy.chaos.faults import base


class ClockSkew(base.Fault):
    """The service's clock, which is its database's, is 20 seconds ahead or behind."""

    @classmethod
    def missing(cls) -> str:
        return "" if clocks.library() else "libfaketime is not installed: apt-get install libfaketime"

    def strike(self) -> str:
        seconds = self.chance.choice((-20, 20))
        self.market.clocks.turn(self.target, seconds)
        if abs(self._differs() - seconds) > 5:
            self.market.clocks.turn(self.target, 0)
            raise base.Missed("the clock runs as before")
        return f"{seconds:+d} s"

    def heal(self) -> None:
        self.market.clocks.turn(self.target, 0)

    def _differs(self) -> float:
        try:
            with psycopg.connect(self.market.superuser(self.target), connect_timeout=5) as connection:
                row = connection.execute("SELECT extract(epoch FROM clock_timestamp())").fetchone()
        except psycopg.Error as error:
            raise base.Missed(str(error)) from error
        assert row is not None
        return float(row[0]) - time.time()

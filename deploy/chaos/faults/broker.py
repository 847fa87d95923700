"""The broker restarts, forgets everything, or loses a queue."""

import shutil
import time
from typing import ClassVar

import amqp
import psycopg
from kombu.utils import url as urls

from deploy.chaos.faults import base
from shared.messaging.brokers import pgmq


class Restart(base.Fault):
    """The broker is ended in good order, and started again."""

    strikes: ClassVar = base.SINGLE

    def strike(self) -> str:
        self.market.stop("broker")
        return "stopped"

    def heal(self) -> None:
        self.market.start("broker")


class Wipe(base.Fault):
    """The broker is killed and finds nothing of its own when it comes back: no queue, no message."""

    strikes: ClassVar = base.SINGLE

    def strike(self) -> str:
        self.market.kill("broker")
        self.market.stop("broker")
        place = self.market.home.broker / "mnesia"
        if self.market.broker == "embedded":
            place = self.market.home.postgres / "broker"
        if not place.exists():
            raise base.Missed(f"there is no {place.name}")
        shutil.rmtree(place)
        self.ledger.wiped.append(time.time())
        return f"{place.name} deleted"

    def heal(self) -> None:
        self.market.start("broker")


class QueueDeleted(base.Fault):
    """A queue is deleted with all that is in it, by the service that owns it."""

    strikes: ClassVar = base.SINGLE

    def strike(self) -> str:
        self.market.wait_ready("broker")
        told = self._delete_on_rabbitmq() if self.market.broker == "rabbitmq" else self._delete_on_pgmq()
        self.ledger.wiped.append(time.time())
        return told

    def heal(self) -> None:
        """RabbitMQ's queues are declared again by their readers; pgmq's by its set-up, at the broker's start."""
        if self.market.broker == "embedded":
            self.market.stop("broker")
            self.market.start("broker")

    def _delete_on_rabbitmq(self) -> str:
        parts = urls.parse_url(self.market.broker_url(self.target.partition(".")[0]))
        try:
            with amqp.Connection(
                host=f"{parts['hostname']}:{parts['port']}",
                userid=parts["userid"],
                password=parts["password"],
                virtual_host=parts["virtual_host"],
                connect_timeout=5,
                read_timeout=10,
            ) as connection:
                number = connection.channel().queue_delete(self.target)
        except (OSError, amqp.exceptions.AMQPError) as error:
            raise base.Missed(repr(error)) from error
        return f"{number} messages with it"

    def _delete_on_pgmq(self) -> str:
        try:
            with psycopg.connect(self.market.superuser("broker"), autocommit=True, connect_timeout=5) as connection:
                connection.execute("SELECT pgmq.drop_queue(%s)", [pgmq.queue_name(self.target)])
        except psycopg.Error as error:
            raise base.Missed(repr(error)) from error
        return "dropped"

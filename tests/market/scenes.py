"""What tests do to the market behind its API's back: stop processes, let time pass, read what is written."""

import contextlib
import functools

import psycopg
from psycopg.rows import dict_row

from deploy.local import audit, services
from shared.testing import waiting
from tests.market import people


class Absence:
    def __init__(self, market):
        self._market = market

    @contextlib.contextmanager
    def __call__(self, *names):
        with contextlib.ExitStack() as back:
            for service in {name.partition(".")[0] for name in names} & set(services.NAMES):
                back.callback(self._wait_until_ready, service)
            back.callback(self._market.start, *names)
            self._market.stop(*names)
            yield

    def _wait_until_ready(self, service):
        """A database that is back is found again by its service a little later."""
        with self._market.client() as client:
            ready = functools.partial(self._is_ready, client, service)
            waiting.until(ready, seconds=30, every=0.1, what=f"{service} to be ready again")

    @staticmethod
    def _is_ready(client, service):
        return client.get(f"/status/{service}").status_code == 200


class Behind:
    """The databases of the market, read and written as their own services would, or as the superuser."""

    def __init__(self, market):
        self._market = market

    @property
    def dsns(self):
        return {service: self._market.dsn(service) for service in services.NAMES}

    def run(self, service, query, *values):
        """The rows that a statement returns, if it returns any; committed at once."""
        with psycopg.connect(self._market.dsn(service), autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(query, values)
            return cursor.fetchall() if cursor.description else []

    def waits_for_row(self, service, table, **values):
        """Until a service has heard of something: that row of its copy is there."""
        query = f"SELECT 1 FROM {table} WHERE " + " AND ".join(f"{name} = %s" for name in values)
        there = functools.partial(self.run, service, query, *values.values())
        waiting.until(there, seconds=people.SOON, what=f"{service} to hear of {values}")

    def orders_knows(self, ticket):
        self.waits_for_row("orders", "orders_ticket", id=ticket["id"])

    def payments_awaits(self, order):
        self.waits_for_row("payments", "payments_order", id=order["id"], status="awaiting_payment")

    def window_ends(self, order):
        """Let the time to pay for an order be over, by the database's clock, and known to payments as well."""
        query = "UPDATE orders_order SET expires_at = clock_timestamp() WHERE id = %s RETURNING expires_at"
        (row,) = self.run("orders", query, order["id"])
        query = "UPDATE payments_order SET expires_at = %s WHERE id = %s"
        self.run("payments", query, row["expires_at"], order["id"])

    def books(self, payment):
        """What the sandbox provider has written down about a payment, in order."""
        query = "SELECT kind FROM payments_sandboxentry WHERE payment_id = %s ORDER BY id"
        return [row["kind"] for row in self.run("payments", query, payment["id"])]

    def waits_for_books(self, payment, kinds):
        said = f"the books of {payment['id']} to say {kinds}"
        waiting.until(lambda: self.books(payment) == kinds, seconds=people.SOON, what=said)

    def audit(self, patience=20.0):
        return audit.findings(self.dsns, patience=patience)

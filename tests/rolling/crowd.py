"""People who buy without a pause, and a witness of every answer they get."""

import collections
import concurrent.futures
import contextlib
import threading

from shared.testing import clients, waiting
from tests.market import people

PAIRS = 4
A_WHILE = 12
"""Purchases."""


class Witness:
    """The market as its visitors have it. Remembers what they were answered, and whatever went wrong."""

    def __init__(self, market):
        self._market = market
        self.answers = 0
        self.bought = 0
        self.placed = collections.Counter()
        """Orders taken by each release, `old` and `new`."""
        self.troubles = []

    def client(self, **options):
        # The gateway that reads its routes anew drops some connections, even new ones.
        return self._market.client(clients.RepeatingClient, event_hooks={"response": [self._note]}, **options)

    def sees_a_while(self):
        """Until so many more purchases are made, from beginning to end."""
        enough = self.bought + A_WHILE
        waiting.until(lambda: self.bought >= enough, seconds=90, what="purchases")

    def _note(self, answer):
        answer.read()
        asked = answer.request
        self.answers += 1
        if answer.status_code >= 500:
            self.troubles.append(f"{asked.method} {asked.url.path}: {answer.status_code} {answer.text}")
        if (asked.method, asked.url.path, answer.status_code) == ("POST", "/api/orders", 201):
            self.placed["new" if "channel" in answer.json() else "old"] += 1


@contextlib.contextmanager
def trading(market):
    """Inside the block sellers offer and buyers buy, a thread for each pair."""
    witness, over = Witness(market), threading.Event()
    with concurrent.futures.ThreadPoolExecutor(PAIRS) as pool:
        trades = [pool.submit(_trade, witness, over) for _ in range(PAIRS)]
        try:
            yield witness
        finally:
            over.set()
            for trade in trades:
                trade.result()


def _trade(witness, over):
    olivia, bruno = people.Person(witness, "olivia").signs_up(), people.Person(witness, "bruno").signs_up()
    with contextlib.closing(olivia.http), contextlib.closing(bruno.http):
        while not over.is_set():
            try:
                bruno.has_bought(olivia.offers())
                bruno.lists("orders")
                witness.bought += 1
            except Exception as trouble:  # a broken connection, an answer that should not be, an order not completed
                witness.troubles.append(repr(trouble))

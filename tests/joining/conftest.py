import concurrent.futures
import contextlib
import os
import threading

import pytest

from deploy.local import homes
from shared.testing import clients, copies
from tests.market import people, scenes

pytest_plugins = ["shared.testing.market"]


def pytest_collection_modifyitems(items):
    """The first test waits for the market to be started and to get its history, perhaps on a busy machine."""
    for item in items:
        item.add_marker(pytest.mark.timeout(900), append=False)


@pytest.fixture
def history(market):
    """The market has been through HISTORY purchases, of each of which a newcomer hears six events."""
    count = os.environ.get("HISTORY", "25")
    done = copies.manage(homes.ROOT, "demo", "--buy", count, "--buyers", "8", ADMIT_ONE_HOME=str(market.home))
    assert done.returncode == 0, done.stdout


@pytest.fixture
def while_they_buy(market):
    """`with while_they_buy() as bought:` one purchase after the other is made; the block fails where one does."""

    @contextlib.contextmanager
    def buying():
        stop, bought = threading.Event(), []
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            shopping = pool.submit(_buy, market, stop, bought)
            try:
                yield bought
            finally:
                stop.set()
                shopping.result()

    return buying


def _buy(market, stop, bought):
    # The gateway, which is told of a newcomer meanwhile, drops some connections as it reads its routes anew.
    otto, carla = (people.Person(market, name, of=clients.RepeatingClient).signs_up() for name in ("otto", "carla"))
    with contextlib.closing(otto.http), contextlib.closing(carla.http):
        while not stop.is_set():
            bought.append(carla.has_bought(otto.offers()))


@pytest.fixture
def bruno(market):
    """He buys."""
    person = people.Person(market, "bruno").signs_up()
    yield person
    person.http.close()


@pytest.fixture
def olivia(market):
    """She sells."""
    person = people.Person(market, "olivia").signs_up()
    yield person
    person.http.close()


@pytest.fixture
def behind(market):
    """What is written in the databases."""
    return scenes.Behind(market)


@pytest.fixture
def house(tmp_path):
    """A copy of the repository, to write services into."""
    return copies.copy(tmp_path / "house")


@pytest.fixture
def newcomer(house, market):
    """`newcomer("reviews")`: written into the copy and started in the market; returns what `join` has said."""

    def arrive(service):
        for words in (("new-service", service), ("join", service)):
            done = copies.manage(house, *words, ADMIT_ONE_HOME=str(market.home))
            assert done.returncode == 0, done.stdout
        return done.stdout

    return arrive

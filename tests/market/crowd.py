"""A pytest plugin for every suite that trades in a market: who comes there, and what may be done to it."""

import pytest

from tests.market import people, scenes


@pytest.fixture
def newcomer(market):
    """Signs somebody up who was never here before: `newcomer("olivia")`."""
    everybody = []

    def arrive(name, **options):
        everybody.append(people.Person(market, name, **options))
        return everybody[-1].signs_up()

    yield arrive
    for person in everybody:
        person.http.close()


@pytest.fixture
def olivia(newcomer):
    """She sells."""
    return newcomer("olivia")


@pytest.fixture
def bruno(newcomer):
    """He buys."""
    return newcomer("bruno")


@pytest.fixture
def carla(newcomer):
    """She buys as well."""
    return newcomer("carla")


@pytest.fixture
def anybody(market):
    """A client that nobody has signed in with."""
    with market.client() as client:
        yield client


@pytest.fixture
def without(market):
    """`with without("orders.messaging"):` those processes are stopped, and started again whatever happens."""
    return scenes.Absence(market)


@pytest.fixture
def late(market):
    """`with late("orders.messaging"):` that process does nothing meanwhile, and goes on afterwards."""
    return market.frozen


@pytest.fixture
def behind(market):
    """What is written in the databases, for what no answer of the API tells."""
    return scenes.Behind(market)

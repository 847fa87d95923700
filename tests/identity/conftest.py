"""One suite for all strategies: what holds under one has to hold under each. See `shared.testing.market`."""

import os
import subprocess

import pytest

from deploy.local import homes, services
from tests.identity import watch
from tests.market import people

pytest_plugins = ["shared.testing.market", "tests.market.crowd"]


@pytest.fixture
def names(market):
    """What the cookies of a session are called here: of the access token and of the refresh token."""
    return watch.HTTPS_COOKIES if market.is_https else watch.HTTP_COOKIES


@pytest.fixture
def places(market, names):
    """Everywhere that has to know who is asking."""
    with watch.Places(market, names) as places:
        yield places


@pytest.fixture(scope="session")
def head_of_house(market):
    """An administrator, made by whoever runs the machine, signed in."""
    person = people.Person(market, "head")
    told = market.environment("auth") | {"STAFF_PASSWORD": people.PASSWORD}
    line = services.manage("auth", "make_staff", person.email)
    subprocess.run(line, cwd=homes.ROOT, env={**os.environ, **told}, check=True, capture_output=True)
    answer = person.http.post("/api/users/signin", json={"email": person.email, "password": people.PASSWORD})
    assert answer.status_code == 200, answer.text
    person.id = answer.json()["id"]
    yield person
    person.http.close()

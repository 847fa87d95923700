"""A process that starts before its database, its tables or its broker are there waits for them, and ends when told."""

import contextlib
import http.client
import signal
import subprocess

import psycopg
import pytest

from deploy.local import homes, services
from shared.testing import postgres, waiting

PROCESSES = ("auth.web", "orders.messaging", "auth.worker")
"""One of each kind."""
NOBODY = 9
"""A port where nobody listens."""
ENDS_WITHIN = 10.0

pytestmark = pytest.mark.timeout(300)


class Process:
    """One process of a service as its supervisor sees it."""

    def __init__(self, name, told, log):
        self.name = name
        service, _, kind = name.partition(".")
        self.port = postgres.free_port()
        line = services.line(service, kind, self.port)
        self._process = subprocess.Popen(line, cwd=homes.ROOT, env=told, stdout=log, stderr=log)

    def answers(self, path):
        """Status and body; 0 where nobody listens."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as client:
            try:
                client.request("GET", path)
                answer = client.getresponse()
                return answer.status, answer.read().decode()
            except OSError:
                return 0, ""

    def lives(self):
        """It was started once: nobody here starts it again."""
        return self._process.poll() is None and self.answers("/livez")[0] == 200

    def is_ready(self):
        return self.answers("/readyz")[0] == 200

    def is_told_to_end(self):
        self._process.send_signal(signal.SIGTERM)

    def ends(self):
        """Its exit code."""
        return self._process.wait(timeout=ENDS_WITHIN)

    def kill(self):
        self._process.kill()
        self._process.wait()


class Place:
    """Where services run: a PostgreSQL server that comes late, and a broker that never does."""

    def __init__(self, home, server):
        self._server = server
        names = {f"{service}.{kind}": NOBODY for service in services.NAMES for kind in services.KINDS}
        names |= {f"{service}.postgres": server.port for service in services.NAMES} | {"broker": NOBODY}
        self._market = services.Market(home=home, ports=names, port=NOBODY, broker="rabbitmq")

    def told(self, service):
        """The environment of that service's processes."""
        told = services.environment(self._market, service)
        return {**told, "DATABASE_URL": self._server.url(database=service)}

    def makes_databases(self):
        with psycopg.connect(self._server.url(), autocommit=True) as connection:
            for service in services.NAMES:
                connection.execute(f"CREATE DATABASE {service}")

    def manages(self, service, *words):
        line = services.manage(service, *words)
        subprocess.run(line, cwd=homes.ROOT, env=self.told(service), check=True, capture_output=True)


@pytest.fixture
def server():
    """A PostgreSQL server that is not started yet."""
    with postgres.server() as late:
        late.stop()
        yield late


@pytest.fixture
def place(home, server):
    return Place(home, server)


@pytest.fixture
def processes(place, tmp_path):
    """All of PROCESSES; they answer."""
    with (tmp_path / "log").open("wb") as log:
        started = [Process(name, place.told(name.partition(".")[0]), log) for name in PROCESSES]
    yield started
    for process in started:
        process.kill()


def all_are_up(processes):
    for process in processes:
        waiting.until(process.lives, seconds=60, every=0.1, what=f"{process.name} to be alive")


def none_is_ready(processes):
    return {process.name for process in processes if process.answers("/readyz")[0] != 503} == set()


def all_are_ready(processes):
    for process in processes:
        waiting.until(process.is_ready, seconds=60, every=0.1, what=f"{process.name} to be ready")
    assert {process.name for process in processes if not process.lives()} == set()


def test_each_becomes_ready_by_itself_once_there_is_what_it_needs(processes, place, server):
    all_are_up(processes)
    assert none_is_ready(processes)

    server.start()
    assert none_is_ready(processes)
    place.makes_databases()
    assert none_is_ready(processes)
    messaging = processes[PROCESSES.index("orders.messaging")]
    told = "waits for the tables"
    waiting.until(lambda: told in messaging.answers("/readyz")[1], seconds=30, what="it to say what it waits for")
    assert all(process.lives() for process in processes)

    for service in ("auth", "orders"):
        place.manages(service, "migrate")
    place.manages("auth", "ensure_signing_key")
    all_are_ready(processes)


def all_end_at_once(processes):
    for process in processes:
        process.is_told_to_end()
    # A worker that answers already may not have begun to listen to signals: then it ends by this one.
    assert {process.ends() for process in processes} <= {0, -signal.SIGTERM}


def test_each_ends_at_once_when_told_while_it_waits_for_its_database(processes):
    all_are_up(processes)

    all_end_at_once(processes)


def test_each_ends_at_once_when_told_while_it_waits_for_its_tables(processes, place, server):
    server.start()
    place.makes_databases()
    all_are_up(processes)

    all_end_at_once(processes)

"""An account is closed: whoever looks into every database and every log for its address finds nothing."""

import concurrent.futures
import json
import uuid

import psycopg
import pytest

from deploy.local import databases, homes
from shared.testing import traces, waiting
from tests.market import people

COPIES = ("tickets", "orders", "payments")


class Searcher:
    """Looks into all that the market keeps, as somebody would who has the machine."""

    def __init__(self, market):
        self._market = market

    def finds(self, text):
        """Where `text` stands: `orders: identity_user.email`, for every service and the broker, and for log files."""
        places = {service: self._market.dsn(service) for service in ("auth", *COPIES)} | self._brokers()
        found = {f"{name}: {column}" for name, dsn in places.items() for column in _columns(dsn, text)}
        return found | {f"log: {name}" for name in self._logs(text)}

    def _logs(self, text):
        files = [path for path in (self._market.home / "logs").rglob("*") if path.is_file()]
        assert files
        return [path.name for path in files if text.lower().encode() in path.read_bytes().lower()]

    def _brokers(self):
        """The databases of the embedded broker: the market's queues, and Celery's. RabbitMQ has none."""
        if self._market.broker != "embedded":
            return {}
        home, port = homes.Home(self._market.home), int(self._market.row("broker")["port"])
        with psycopg.connect(databases.superuser_url(home, port)) as connection:
            names = connection.execute("SELECT datname FROM pg_database WHERE NOT datistemplate").fetchall()
        return {f"broker {name}": databases.superuser_url(home, port, database=name) for (name,) in names}


def _columns(dsn, text):
    with psycopg.connect(dsn) as connection:
        return traces.of(text, query=lambda statement, values: connection.execute(statement, values).fetchall())


@pytest.fixture
def searcher(market):
    return Searcher(market)


@pytest.fixture
def leonora(newcomer, market, behind):
    """She has left her address wherever she could, and so have others."""
    leonora = newcomer("leonora")
    with market.client() as second:
        credentials = {"email": leonora.email.upper(), "password": people.PASSWORD}
        assert second.post("/api/users/signin", json=credentials).status_code == 200
        second.post("/api/users/signin", json={**credentials, "password": "not her password"})
        second.get("/api/tickets", params={"q": leonora.email})
        assert second.post("/api/users/password-reset", json={"email": leonora.email}).status_code == 202
    answer = leonora.http.post("/api/tickets", json=people.HAMLET, headers={"Idempotency-Key": leonora.email})
    assert answer.status_code == 201, answer.text
    for service in COPIES:
        behind.waits_for_row(service, "identity_user", id=leonora.id)
    park(behind, leonora)
    return leonora


def park(behind, person):
    """As if orders had stumbled over what auth said of somebody, and quoted it."""
    (said,) = behind.run("auth", "SELECT * FROM messaging_outboxevent WHERE subject = %s", person.id)
    event = {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/auth",
        "type": said["type"],
        "subject": said["subject"],
        "time": said["occurred_at"].isoformat(),
        "datacontenttype": "application/json",
        "dataschema": said["dataschema"],
        "logepoch": said["epoch"],
        "position": said["position"],
        "aggregateversion": said["aggregate_version"],
        "data": said["data"],
    }
    behind.run(
        "orders",
        "INSERT INTO messaging_parkedmessage"
        " (consumer, event_id, source, type, body, error, traceback, attempts, state, reason, closed_at)"
        " VALUES ('orders', %s, '/auth', %s, %s, %s, %s, 1, 'discarded', %s, now())",
        event["id"],
        event["type"],
        json.dumps(event).encode(),
        f"IntegrityError('{person.email}')",
        f"at {person.email}",
        f"{person.email} has asked for it",
    )


def close(person):
    answer = person.http.request("DELETE", "/api/users/me", json={"password": people.PASSWORD})
    assert answer.status_code == 204, answer.text


def nothing_is_left(searcher, text):
    found = []

    def is_gone():
        found[:] = searcher.finds(text)
        return not found

    try:
        waiting.until(is_gone, seconds=people.SOON, every=0.2, what="the address to be gone")
    except AssertionError as error:
        raise AssertionError(f"{error}; it stands in {sorted(found)}") from None


class TestClosing:
    def test_has_something_to_erase(self, leonora, searcher):
        """The control: the search finds the address in each place, and would find it in a log, as it does her id."""
        parked = {"body", "error", "traceback", "reason"}
        assert searcher.finds(leonora.email) >= {
            "auth: users_user.email",
            "auth: messaging_outboxevent.data",
            "tickets: http_idempotentanswer.key",
            *(f"{service}: identity_user.email" for service in COPIES),
            *(f"orders: messaging_parkedmessage.{column}" for column in parked),
        }
        assert any(place.startswith("log: tickets") for place in searcher.finds(leonora.id))

    def test_leaves_the_address_nowhere(self, leonora, searcher, behind):
        close(leonora)

        nothing_is_left(searcher, leonora.email)
        assert behind.audit() == []

    def test_is_heard_by_a_service_that_was_away(self, leonora, searcher, without):
        with without("orders.messaging"):
            close(leonora)
            waiting.until(lambda: _where(searcher, leonora) == {"orders"}, seconds=people.SOON, what="the others")

        nothing_is_left(searcher, leonora.email)

    def test_refuses_every_token_and_password_everywhere(self, leonora, market):
        bearer = {"Authorization": f"Bearer {leonora.http.cookies['access_token']}"}

        close(leonora)

        with market.client(headers=bearer) as client:
            for path in ("/api/users/currentuser", "/api/tickets", "/api/orders", "/api/payments"):
                waiting.until(lambda path=path: client.get(path).status_code == 401, seconds=people.SOON, what=path)
        with market.client() as client:
            again = client.post("/api/users/signin", json={"email": leonora.email, "password": people.PASSWORD})
            people.assert_refused(again, 400, "invalid_credentials")

    def test_frees_the_address_for_somebody_else(self, leonora, market, searcher):
        close(leonora)
        nothing_is_left(searcher, leonora.email)

        with market.client() as client:
            answer = client.post("/api/users/signup", json={"email": leonora.email, "password": people.PASSWORD})
            assert answer.status_code == 201
            assert answer.json()["id"] != leonora.id


def test_signing_up_at_once_leaves_no_address_in_a_log(market, searcher):
    """All but one are refused by a constraint, whose message quotes the row."""
    account = {"email": f"ursula.{uuid.uuid4().hex}@example.com", "password": people.PASSWORD}

    def sign_up(_):
        with market.client() as client:
            return client.post("/api/users/signup", json=account).status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(sign_up, range(8)))

    assert sorted(codes) == [201, *[400] * 7]
    assert not [place for place in searcher.finds(account["email"]) if place.startswith("log: ")]


def _where(searcher, person):
    return {place.partition(":")[0] for place in searcher.finds(person.email)}

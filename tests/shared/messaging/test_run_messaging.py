"""The process as its supervisor sees it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import psycopg
import pytest
from django.db import connection

from shared.messaging import crew, topology
from shared.testing import postgres, waiting
from tests.shared.messaging import stage
from tests.shared.messaging.test_relay import say, unsent

pytestmark = pytest.mark.usefixtures("on_stage")


@pytest.fixture
def started(embedded, tmp_path):
    """`started("--only", "relay")`: a process and the address of its port."""
    processes = []

    def start(*arguments, **told):
        database = connection.settings_dict
        place = f"{database['HOST']}:{database['PORT']}/{database['NAME']}"
        environment = os.environ | {
            "DATABASE_URL": f"postgres://{database['USER']}:{database['PASSWORD']}@{place}",
            "BROKER_URL": embedded.url("orders"),
            **told,
        }
        port = postgres.free_port()
        line = [sys.executable, "-m", "django", "run_messaging", "--port", str(port), *arguments]
        with (tmp_path / "log").open("wb") as log:
            processes.append(subprocess.Popen(line, env=environment, stdout=log, stderr=log))
        return processes[-1], f"http://127.0.0.1:{port}"

    yield start
    for process in processes:
        process.kill()
        process.wait()


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own port
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.read().decode()
    except OSError:
        return 0, ""


def ready(address):
    return get(f"{address}/readyz")[0] == 200


class TestProcess:
    def test_gets_ready_relays_tells_and_ends_when_asked(self, started):
        process, address = started()
        waiting.until(lambda: ready(address), seconds=30)
        say(stage.order())
        waiting.until(lambda: unsent() == 0)

        parts = json.loads(get(f"{address}/readyz")[1])["parts"]
        assert parts == {
            "relay": "relaying",
            "orders.identity": "consuming",
            "orders.inbox": "consuming",
            "replay": "following",
            "sweeps": "sweeping",
            "server": "serving",
        }
        assert get(f"{address}/livez")[0] == 200
        assert get(f"{address}/elsewhere")[0] == 404
        metrics = get(f"{address}/metrics")[1]
        for line in (
            'messaging_published_total{type="order.created"} 1.0',
            "messaging_relay_leader 1.0",
            "messaging_outbox_unsent 0.0",
        ):
            assert line in metrics

        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0

    def test_one_part_can_run_alone(self, started):
        _, address = started("--only", "relay")

        waiting.until(lambda: ready(address), seconds=30)

        assert set(json.loads(get(f"{address}/readyz")[1])["parts"]) == {"relay", "server"}

    def test_ends_with_an_error_when_a_part_is_lost_for_good(self, started):
        """A table that is gone is beyond what the relay can wait for."""
        process, address = started("--only", "relay")
        waiting.until(lambda: ready(address), seconds=30)
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE messaging_outboxevent RENAME TO messaging_lost")
        try:
            assert process.wait(timeout=15) == 1
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ALTER TABLE messaging_lost RENAME TO messaging_outboxevent")


def parts(address):
    return json.loads(get(f"{address}/readyz")[1] or "{}").get("parts", {})


class TestSigterm:
    def test_gives_the_lead_to_the_spare_at_once_and_loses_nothing(self, started, embedded, subscribing):
        leader, address = started()
        waiting.until(lambda: ready(address), seconds=30)
        _, spare = started()
        waiting.until(lambda: parts(spare).get("relay") == "spare", seconds=30)
        said = [stage.order() for _ in range(100)]

        say(*said[:50])
        leader.send_signal(signal.SIGTERM)
        say(*said[50:])
        leads = {"relay": "relaying", "orders.inbox": "consuming", "replay": "following", "sweeps": "sweeping"}
        waiting.until(lambda: leads.items() <= parts(spare).items(), seconds=2)

        assert leader.wait(timeout=10) == 0
        waiting.until(lambda: unsent() == 0)
        reader, heard = subscribing(embedded, "tickets.inbox"), set()
        waiting.until(
            lambda: (
                heard.update(one.subject for one in stage.said(reader.receive(limit=500, wait=0.1)))
                or heard >= {one.subject for one in said}
            )
        )

    def test_ends_within_ten_seconds_although_a_handler_hangs_and_hands_its_message_back(
        self, started, embedded, publishing
    ):
        told = {"DJANGO_SETTINGS_MODULE": "tests.shared.messaging.stage_settings"}
        to_orders = {"exchange": "tickets.events", "listeners": topology.listeners("tickets.events")}
        with locked("stage_effect") as somebody_waits:
            publishing(embedded, "tickets").publish([stage.body(stage.verdict())], **to_orders)
            first, _ = started("--only", "consumer", **told)
            waiting.until(somebody_waits, seconds=30)
            began = time.monotonic()
            first.send_signal(signal.SIGTERM)
            assert first.wait(timeout=15) == 1
            assert time.monotonic() - began < 10

        assert stage.effects() == []
        started("--only", "consumer", **told)
        waiting.until(lambda: len(stage.effects()) == 1, seconds=30)


@contextlib.contextmanager
def locked(table):
    """Nobody may touch the table inside the block. What it gives tells whether somebody waits for it."""
    database = connection.settings_dict
    place = {"host": database["HOST"], "port": database["PORT"], "dbname": database["NAME"]}
    with psycopg.connect(**place, user=database["USER"], password=database["PASSWORD"]) as keeper:
        keeper.execute(f"LOCK TABLE {table}")
        waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = %s::regclass)"
        yield lambda: keeper.execute(waits, (table,)).fetchone() == (True,)


class TestExactDeath:
    """`kill -9` at the one moment where it could do the most harm."""

    @pytest.fixture
    def armed(self, tmp_path):
        def arm(point):
            (tmp_path / point).touch()
            return {"FAULTS": str(tmp_path)}

        return arm

    def test_between_the_brokers_confirm_and_the_mark_an_event_is_sent_twice_and_is_the_same(
        self, started, armed, embedded, subscribing
    ):
        say(stage.order())
        first, _ = started("--only", "relay", **armed("relay.confirmed"))
        assert first.wait(timeout=30) == -signal.SIGKILL
        assert unsent() == 1
        started("--only", "relay")

        waiting.until(lambda: unsent() == 0, seconds=30)
        reader, got = subscribing(embedded, "tickets.inbox"), []
        waiting.until(lambda: got.extend(stage.events_in(reader.receive(limit=9, wait=0.1))) or len(got) >= 2)
        assert len({(one.id, one.position) for one in got}) == 1

    def test_between_the_commit_and_the_acknowledgement_an_event_comes_twice_and_acts_once(
        self, started, armed, embedded, publishing
    ):
        told = {"DJANGO_SETTINGS_MODULE": "tests.shared.messaging.stage_settings"}
        to_orders = {"exchange": "tickets.events", "listeners": topology.listeners("tickets.events")}
        publishing(embedded, "tickets").publish([stage.body(stage.verdict())], **to_orders)
        first, _ = started("--only", "consumer", **told, **armed("consumer.applied"))
        assert first.wait(timeout=30) == -signal.SIGKILL
        assert len(stage.effects()) == 1
        _, address = started("--only", "consumer", **told)

        duplicates = 'messaging_consumed_total{outcome="duplicate",queue="orders.inbox"} 1.0'
        waiting.until(lambda: duplicates in get(f"{address}/metrics")[1], seconds=30)
        assert len(stage.effects()) == 1

    def test_happens_only_where_the_environment_asks_for_it(self, started, armed, tmp_path):
        armed("relay.confirmed")
        say(stage.order())
        started("--only", "relay")

        waiting.until(lambda: unsent() == 0, seconds=30)
        assert (tmp_path / "relay.confirmed").exists()


class TestCrew:
    def test_ends_when_a_duty_returns_before_it_is_told(self):
        company = crew.Crew()
        company.enlist("deserter", lambda stop, *, status: None)
        company.enlist("faithful", crew.background(threading.Event.wait))

        assert not company.wait()
        assert company.lost == ["deserter"]

    def test_ends_well_when_dismissed(self):
        company = crew.Crew()
        company.enlist("faithful", crew.background(threading.Event.wait))
        company.dismiss()

        assert company.wait()

    def test_says_so_when_a_duty_does_not_end_in_time(self, monkeypatch):
        monkeypatch.setattr(crew, "GRACE_SECONDS", 0.05)
        forever = threading.Event()
        company = crew.Crew()
        company.enlist("stubborn", crew.background(lambda _stop: forever.wait()))
        company.dismiss()

        assert not company.wait()
        forever.set()

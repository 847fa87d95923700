"""Who is told of parked messages: whoever scrapes /metrics, asks /readyz or `status`; and nobody is restarted."""

import json
import urllib.request

import pytest
from django.db import connection

from shared.messaging import intake, models, parked
from shared.messaging.health import Status
from shared.messaging.server import Server
from shared.testing import postgres
from tests.shared.messaging import stage

pytestmark = pytest.mark.usefixtures("on_stage")


@pytest.fixture
def get(running):
    """`get("/readyz")`: the answer of a messaging process whose parts are all well."""
    part = Status("relay")
    part.says("relaying")
    port = postgres.free_port()
    running(Server(("127.0.0.1", port), parts=[part]).serve)

    def answer(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return response.read().decode()

    return answer


def park(count, *, said=stage.tickets.TicketUpdated):
    stage.refused.add("Macbeth")
    bodies = [stage.body(stage.ticket(title="Macbeth", said=said), position=place) for place in range(1, count + 1)]
    intake.take(stage.deliveries(*bodies), queue="orders.inbox")


class TestReady:
    def test_names_parked_messages_and_where_to_look_and_stays_ready(self, get):
        park(3)

        told = json.loads(get("/readyz"))

        assert told["status"] == "ok"
        (alarm,) = told["alarms"]
        assert alarm.startswith("3 parked messages, look at /admin/orders/messaging/parkedmessage/")

    def test_is_silent_where_nothing_is_parked(self, get):
        assert json.loads(get("/readyz"))["alarms"] == []

    def test_is_silent_below_the_threshold(self, get, settings):
        settings.MESSAGING_PARKED_ALARM = 3
        park(2)
        assert json.loads(get("/readyz"))["alarms"] == []

        park(1, said=stage.tickets.TicketCreated)
        assert json.loads(get("/readyz"))["alarms"] != []

    def test_is_silent_again_when_all_is_decided(self, get):
        park(1)

        parked.discard(parked_id=models.ParkedMessage.objects.get().id, reason="sold on paper", now=stage.NOW)

        assert parked.alarm() is None

    def test_no_threshold_makes_an_alarm_of_nothing(self, settings):
        settings.MESSAGING_PARKED_ALARM = 0

        assert parked.alarm() is None

    def test_speaks_of_one_as_of_one(self):
        park(1)

        assert parked.alarm().startswith("1 parked message, ")


class TestMetrics:
    def test_count_by_type_with_the_age_of_the_oldest_and_the_threshold(self, get):
        park(2)
        park(1, said=stage.tickets.TicketCreated)
        intake.take(stage.deliveries(b"no json"), queue="orders.inbox")
        parked_an_hour_ago()

        lines = get("/metrics").splitlines()

        assert 'messaging_parked{type="ticket.updated"} 2.0' in lines
        assert 'messaging_parked{type="ticket.created"} 1.0' in lines
        assert 'messaging_parked{type="unreadable"} 1.0' in lines
        assert "messaging_parked_alarm_threshold 1.0" in lines
        assert 3600 <= level(lines, "messaging_parked_oldest_seconds") < 3700

    def test_of_what_is_decided_count_nothing(self, get):
        park(1)
        parked.discard(parked_id=models.ParkedMessage.objects.get().id, reason="sold on paper", now=stage.NOW)

        lines = get("/metrics").splitlines()

        assert not [line for line in lines if line.startswith("messaging_parked{")]
        assert level(lines, "messaging_parked_oldest_seconds") == 0


def parked_an_hour_ago():
    with connection.cursor() as cursor:
        cursor.execute("UPDATE messaging_parkedmessage SET parked_at = parked_at - interval '1 hour' WHERE id = "
                       "(SELECT min(id) FROM messaging_parkedmessage)")  # fmt: skip


def level(lines, name):
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

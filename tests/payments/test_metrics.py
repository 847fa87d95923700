"""What whoever watches over payments is told."""

import datetime as dt

import pytest

from payments_service.payments import metrics
from payments_service.payments.providers import choice, port, sandbox, watched
from shared import clock, ids
from shared.messaging import metrics as messaging
from shared.testing import measures
from tests.payments.factories import PaymentFactory

WAITING_FOR = ("answer", "order", "capture", "void")


def numbers():
    families = list(metrics.of_payments())
    return tuple(measures.level(families, "payments_unfinished", waiting_for=what) for what in WAITING_FOR)


def oldest(what):
    return measures.level(metrics.of_payments(), "payments_oldest_unfinished_seconds", waiting_for=what)


@pytest.mark.django_db
class TestUnfinished:
    @pytest.mark.parametrize(
        ("known", "told"),
        [
            ({"status": "requested"}, (1, 0, 0, 0)),
            ({"status": "unknown"}, (1, 0, 0, 0)),
            ({"status": "authorized"}, (0, 1, 0, 0)),
            ({"status": "authorized", "decision": "capture"}, (0, 0, 1, 0)),
            ({"status": "authorized", "decision": "void"}, (0, 0, 0, 1)),
            ({"status": "captured", "decision": "capture"}, (0, 0, 0, 0)),
            ({"status": "declined"}, (0, 0, 0, 0)),
        ],
    )
    def test_are_counted_by_what_they_wait_for(self, known, told):
        assert numbers() == (0, 0, 0, 0)

        PaymentFactory(**known)

        assert numbers() == told

    def test_are_as_old_as_the_oldest_of_their_kind(self):
        PaymentFactory(status="unknown", updated_at=clock.now() - dt.timedelta(hours=1))
        PaymentFactory(status="unknown")

        assert 3600 <= oldest("answer") < 3660
        assert oldest("capture") == 0

    def test_are_told_by_the_messaging_process(self):
        assert measures.level(messaging.Levels().collect(), "payments_unfinished", waiting_for="void") == 0


def calls(operation, outcome):
    labels = {"provider": "sandbox", "operation": operation, "outcome": outcome}
    return measures.moving("payment_provider_request_duration_seconds_count", **labels)


class Broken(sandbox.Sandbox):
    def capture(self, *, payment_id):
        raise ZeroDivisionError


@pytest.mark.django_db(transaction=True)
class TestProvider:
    def authorize(self, token):
        payment_id = ids.new()
        choice.current().authorize(payment_id=payment_id, amount_minor=1250, currency="USD", token=token)
        return payment_id

    def test_is_counted_by_what_it_answers(self):
        told = [calls("authorize", "authorized"), calls("authorize", "declined"), calls("look_up", "authorized"),
                calls("look_up", "never_heard_of"), calls("capture", "captured"), calls("capture", "lapsed"),
                calls("void", "voided")]  # fmt: skip

        paid, lapsing, dear = map(self.authorize, ("tok_visa", "tok_captureLapses", "tok_visa"))
        self.authorize("tok_chargeDeclined")
        choice.current().look_up(payment_id=paid)
        choice.current().look_up(payment_id=ids.new())
        assert choice.current().capture(payment_id=paid)
        assert not choice.current().capture(payment_id=lapsing)
        choice.current().void(payment_id=dear)

        assert [count() for count in told] == [3, 1, 1, 1, 1, 1, 1]

    def test_that_does_not_answer_is_counted_as_that(self):
        silent = calls("authorize", "no_answer")

        with pytest.raises(port.NoAnswer):
            self.authorize("tok_unreachable")

        assert silent() == 1

    def test_that_breaks_is_counted_as_an_error(self):
        labels = {"provider": "broken", "operation": "capture", "outcome": "error"}
        errors = measures.moving("payment_provider_request_duration_seconds_count", **labels)

        with pytest.raises(ZeroDivisionError):
            watched.Watched(Broken()).capture(payment_id=ids.new())

        assert errors() == 1

    def test_is_timed(self, monkeypatch):
        monkeypatch.setattr(sandbox, "SLOW_SECONDS", 0.2)
        labels = {"provider": "sandbox", "operation": "authorize", "outcome": "authorized"}
        seconds = measures.moving("payment_provider_request_duration_seconds_sum", **labels)

        self.authorize("tok_slow")

        assert 0.2 <= seconds() < 10

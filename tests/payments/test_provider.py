"""The provider: asked outside of transactions, asked again after a crash, and never twice for the same money."""

import contextlib
import uuid

import msgspec
import pytest
from django.db import DatabaseError, connection, transaction

from payments_service.payments import commands, models, tasks
from payments_service.payments.providers import port, sandbox
from shared import clock
from shared.contracts import orders
from shared.messaging.models import OutboxEvent
from shared.testing import collector, deliveries
from tests.contracts import samples
from tests.payments.factories import OrderFactory, PaymentFactory

pytestmark = pytest.mark.django_db(transaction=True)

Answer = port.Answer
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Crash(BaseException):
    """The process ends here; nothing of ours catches it."""


@pytest.fixture
def order():
    return OrderFactory(id=samples.ORDER, user_id=samples.BRUNO)


def pay(order, token="tok_visa", key=None):  # noqa: S107 - a card of the sandbox
    return commands.pay(order_id=order.id, user_id=order.user_id, token=token, idempotency_key=key, now=clock.now())


def hear_completed(payment):
    deliveries.hear(samples.sample(orders.OrderCompleted, status="complete", version=2, payment_id=payment.id))


def hear_cancelled():
    deliveries.hear(samples.sample(orders.OrderCancelled, status="cancelled", version=2))


def settle(payment):
    return commands.settle_payment(payment_id=payment.id, now=clock.now())


def resolve(payment):
    return commands.resolve_payment(payment_id=payment.id, now=clock.now())


def books(payment):
    """The kinds of the provider's lines about a payment, oldest first."""
    rows = models.SandboxEntry.objects.filter(payment_id=payment.id).order_by("id")
    return list(rows.values_list("kind", flat=True))


@contextlib.contextmanager
def crashing_in(monkeypatch, place, name):
    """The process ends where `place` would run `name`; outside of the block everything works again."""

    def crash(*_args, **_kwargs):
        raise Crash

    with monkeypatch.context() as broken:
        broken.setattr(place, name, crash)
        with pytest.raises(Crash):
            yield


def said():
    return [name for name, _ in deliveries.said()]


class TestTokens:
    @pytest.mark.parametrize("token", ["tok_visa", "tok_slow"])
    def test_that_work_are_authorized_and_captured(self, order, token):
        payment = pay(order, token)
        hear_completed(payment)

        assert settle(payment).status == "captured"
        assert books(payment) == ["authorized", "captured"]
        assert said() == ["payment.authorized", "payment.captured"]

    def test_that_decline_take_nothing(self, order):
        payment = pay(order, "tok_chargeDeclined")

        assert (payment.status, payment.reason) == ("declined", "insufficient_funds")
        assert books(payment) == ["declined"]

    def test_whose_answer_is_lost_are_looked_up(self, order):
        payment = pay(order, "tok_timeout")
        assert (payment.status, said()) == ("unknown", [])

        assert resolve(payment).status == "authorized"

        assert books(payment) == ["authorized"]
        assert said() == ["payment.authorized"]

    def test_that_never_arrive_are_voided_before_they_are_declined(self, order):
        payment = pay(order, "tok_unreachable")

        resolved = resolve(payment)

        assert (resolved.status, resolved.reason) == ("declined", "never_received")
        assert books(payment) == ["voided"]
        assert said() == ["payment.declined"]
        assert pay(order).status == "authorized"

    def test_whose_promise_lapses_fail(self, order):
        payment = pay(order, "tok_captureLapses")
        hear_completed(payment)

        failed = settle(payment)

        assert (failed.status, failed.reason) == ("failed", "lapsed")
        assert books(payment) == ["authorized", "lapsed"]
        assert said() == ["payment.authorized", "payment.failed"]

    def test_of_a_cancelled_order_are_let_go(self, order):
        payment = pay(order)
        hear_cancelled()

        assert settle(payment).status == "voided"
        assert books(payment) == ["authorized", "voided"]
        assert said() == ["payment.authorized", "payment.voided"]


class TestALateRequest:
    def test_for_a_payment_that_was_given_up_is_refused(self, order):
        payment = pay(order, "tok_unreachable")
        resolve(payment)

        answer, _ = sandbox.Sandbox().authorize(
            payment_id=payment.id, amount_minor=1250, currency="USD", token="tok_visa"
        )

        assert answer is Answer.DECLINED
        assert "authorized" not in books(payment)

    def test_control_without_the_void_it_would_be_authorized(self, order, monkeypatch):
        monkeypatch.setattr(sandbox.Sandbox, "void", lambda self, *, payment_id: None)
        payment = pay(order, "tok_unreachable")
        resolve(payment)

        answer, _ = sandbox.Sandbox().authorize(
            payment_id=payment.id, amount_minor=1250, currency="USD", token="tok_visa"
        )

        assert answer is Answer.AUTHORIZED


class TestTransactions:
    def test_are_over_before_the_provider_is_asked(self, order, monkeypatch):
        asked = []
        for name in ("authorize", "look_up", "capture", "void"):
            original = getattr(sandbox.Sandbox, name)

            def spied(self, *, name=name, original=original, **about):
                asked.append((name, connection.in_atomic_block))
                return original(self, **about)

            monkeypatch.setattr(sandbox.Sandbox, name, spied)

        payment = pay(order)
        hear_completed(payment)
        settle(payment)
        other = pay(OrderFactory(), "tok_unreachable")
        resolve(other)

        assert {name for name, _ in asked} == {"authorize", "look_up", "capture", "void"}
        assert not any(in_transaction for _, in_transaction in asked)

    def test_control_inside_of_one_the_call_is_refused(self, order):
        payment = PaymentFactory(order=order)

        for command in (commands.authorize_payment, commands.resolve_payment, commands.settle_payment):
            with transaction.atomic(), pytest.raises(port.CalledInTransaction):
                command(payment_id=payment.id, now=clock.now())

        assert models.SandboxEntry.objects.count() == 0


class TestACrash:
    def test_before_the_provider_was_asked_is_finished(self, order, monkeypatch):
        with crashing_in(monkeypatch, sandbox.Sandbox, "authorize"):
            pay(order)
        payment = models.Payment.objects.get()
        assert payment.status == "requested"

        assert resolve(payment).status == "declined"
        assert pay(order).status == "authorized"

    def test_between_the_providers_answer_and_our_record_is_finished(self, order, monkeypatch):
        with crashing_in(monkeypatch, commands, "_record_answer"):
            pay(order)
        payment = models.Payment.objects.get()
        assert (payment.status, books(payment), said()) == ("requested", ["authorized"], [])

        assert resolve(payment).status == "authorized"
        assert (books(payment), said()) == (["authorized"], ["payment.authorized"])

    @pytest.mark.parametrize(
        ("completed", "lines", "status"),
        [(True, ["authorized", "captured"], "captured"), (False, ["authorized", "voided"], "voided")],
    )
    def test_between_the_settlement_and_our_record_is_finished(self, order, monkeypatch, completed, lines, status):
        payment = pay(order)
        hear_completed(payment) if completed else hear_cancelled()
        with crashing_in(monkeypatch, commands, "_record_settlement"):
            settle(payment)
        assert (models.Payment.objects.get().status, books(payment)) == ("authorized", lines)

        assert settle(payment).status == status
        assert books(payment) == lines
        assert said()[1:] == [f"payment.{status}"]

    def test_is_cleaned_up_by_the_clock(self, order, monkeypatch):
        monkeypatch.setattr(port, "PATIENCE", port.PATIENCE * 0)
        PaymentFactory(order=order)
        done = pay(OrderFactory(id=uuid.uuid4(), user_id=samples.BRUNO))

        tasks.resolve_payments()
        tasks.settle_payments()

        assert models.Payment.objects.exclude(id=done.id).get().status == "declined"
        assert models.Payment.objects.get(id=done.id).status == "authorized"

    def test_is_given_time_first_for_the_call_may_be_under_way(self, order):
        PaymentFactory(order=order)

        tasks.resolve_payments()

        assert models.Payment.objects.get().status == "requested"


class TestSettling:
    def test_twice_is_once(self, order):
        payment = pay(order)
        hear_completed(payment)

        assert [settle(payment).status, settle(payment).status] == ["captured", "captured"]
        assert books(payment) == ["authorized", "captured"]
        assert said() == ["payment.authorized", "payment.captured"]

    def test_takes_no_money_before_it_is_decided(self, order):
        payment = pay(order)

        assert settle(payment).status == "authorized"
        assert books(payment) == ["authorized"]

    def test_asks_again_in_the_next_period_when_no_answer_came(self, order, monkeypatch):
        payment, other = pay(order), pay(OrderFactory())
        hear_completed(payment)
        models.Payment.objects.filter(id=other.id).update(decision="void")
        capture = sandbox.Sandbox.capture

        def silent(self, *, payment_id):
            raise port.NoAnswer("no answer in time")

        monkeypatch.setattr(sandbox.Sandbox, "capture", silent)
        tasks.settle_payments()
        assert [models.Payment.objects.get(id=one.id).status for one in (payment, other)] == ["authorized", "voided"]

        monkeypatch.setattr(sandbox.Sandbox, "capture", capture)
        tasks.settle_payments()
        assert models.Payment.objects.get(id=payment.id).status == "captured"

    def test_is_not_stopped_by_an_older_payment_that_the_provider_has_lost(self, order):
        lost = PaymentFactory(order=OrderFactory(), status="authorized", decision="capture")
        payment = pay(order)
        hear_completed(payment)

        tasks.settle_payments()

        assert books(lost) == []
        assert [models.Payment.objects.get(id=one.id).status for one in (lost, payment)] == ["authorized", "captured"]

    def test_is_done_for_whoever_decided(self, order):
        payment = pay(order)
        completed = deliveries.wrap(
            samples.sample(orders.OrderCompleted, status="complete", version=2, payment_id=payment.id)
        )
        with collector.kept() as kept:
            deliveries.hear(msgspec.structs.replace(completed, requestid="request-7", traceparent=TRACEPARENT))
            tasks.settle_payments()
            tasks.settle_payments()

        process, capture, settle = kept.spans()
        assert [process.name, settle.name, capture.name] == [
            "process order.completed",
            "settle payment",
            "capture sandbox",
        ]
        assert [settle.parent.span_id, capture.parent.span_id] == [process.context.span_id, settle.context.span_id]
        assert capture.attributes == {
            "peer.service": "sandbox",
            "admit_one.payment_id": str(payment.id),
            "admit_one.request_id": "request-7",
        }
        row = OutboxEvent.objects.get(type="payment.captured")
        step = f"{settle.context.span_id:016x}"
        assert (row.request_id, row.traceparent) == ("request-7", f"{TRACEPARENT[:35]}-{step}-01")

    def test_that_gets_no_answer_is_told_as_failed(self, order, monkeypatch):
        hear_completed(pay(order))

        def silent(self, *, payment_id):
            raise port.NoAnswer("no answer in time")

        monkeypatch.setattr(sandbox.Sandbox, "capture", silent)
        with collector.kept() as kept:
            tasks.settle_payments()

        assert [(span.name, span.attributes["error.type"]) for span in kept.spans()] == [
            ("capture sandbox", "NoAnswer"),
            ("settle payment", "NoAnswer"),
        ]

    def test_voids_every_payment_but_the_one_that_bought(self, order):
        bought = PaymentFactory(order=order, status="captured")
        late = PaymentFactory(order=OrderFactory(id=uuid.uuid4()), status="authorized")
        models.Payment.objects.filter(id=bought.id).update(status="voided")
        models.Payment.objects.filter(id=late.id).update(order_id=order.id)

        hear_completed(bought)

        assert models.Payment.objects.get(id=late.id).decision == "void"


class TestLookingUp:
    def test_a_payment_that_is_settled_changes_nothing(self, order):
        payment = pay(order)
        hear_completed(payment)
        settle(payment)

        assert resolve(payment).status == "captured"
        assert books(payment) == ["authorized", "captured"]

    def test_without_an_answer_leaves_it_unknown(self, order, monkeypatch):
        payment = pay(order, "tok_timeout")

        def silent(self, *, payment_id):
            raise port.NoAnswer("no answer in time")

        monkeypatch.setattr(sandbox.Sandbox, "look_up", silent)

        assert resolve(payment).status == "unknown"

    def test_an_authorization_for_an_order_that_has_ended_decides_to_void_it(self, order):
        payment = pay(order, "tok_timeout")
        hear_cancelled()

        resolved = resolve(payment)

        assert (resolved.status, resolved.decision, said()) == ("authorized", "void", [])
        assert settle(payment).status == "voided"


class TestTheProvidersBooks:
    @pytest.mark.parametrize(
        "change", ["UPDATE payments_sandboxentry SET amount_minor = 0", "DELETE FROM payments_sandboxentry"]
    )
    def test_are_only_ever_added_to(self, order, change):
        payment = pay(order)

        with pytest.raises(DatabaseError, match="only ever added to"), connection.cursor() as cursor:
            cursor.execute(change)

        assert books(payment) == ["authorized"]

    def test_answer_once_and_settle_once(self, order):
        payment, provider = pay(order), sandbox.Sandbox()

        provider.void(payment_id=payment.id)
        provider.void(payment_id=payment.id)

        assert provider.capture(payment_id=payment.id) is False
        provider.authorize(payment_id=payment.id, amount_minor=1250, currency="USD", token="tok_chargeDeclined")
        assert books(payment) == ["authorized", "voided"]

"""What happens at once. Each race has a control in which the guard is taken away and the same test sees the damage."""

import pytest
from django.db import connection

from payments_service.payments import commands, models
from payments_service.payments.providers import sandbox
from shared import clock
from shared.contracts import orders
from shared.testing import callers, deliveries, races
from tests.contracts import samples
from tests.payments.factories import OrderFactory, PaymentFactory

pytestmark = pytest.mark.django_db(transaction=True)

PAYMENTS = 20


@pytest.fixture
def without_the_index(transactional_db):
    """A scratch database in which nothing keeps an order from being paid twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'one_live_payment_per_order'")
        (definition,) = cursor.fetchone()
        cursor.execute("DROP INDEX one_live_payment_per_order")
    yield
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE payments_payment")
        cursor.execute(definition)


@pytest.fixture
def without_locks(monkeypatch):
    """Rows are read as one reads them without thinking of a second reader."""
    monkeypatch.setattr(models.PaymentQuerySet, "locked", lambda rows: rows)


def pay_at_once(bruno, **headers):
    """Twenty payments of one order at the same moment."""
    order = OrderFactory(user_id=bruno.id)

    def pay():
        return bruno.post("/api/payments", {"orderId": str(order.id), "token": "tok_visa"}, **headers)

    return races.at_once(*[pay] * PAYMENTS)


class TestTwentyPaymentsAtOnce:
    def test_of_one_order_are_one_payment_and_19_refusals(self, bruno):
        statuses = sorted(answer.status_code for answer in pay_at_once(bruno))

        assert statuses == [201] + [409] * (PAYMENTS - 1)
        assert models.SandboxEntry.objects.filter(kind="authorized").count() == 1

    def test_control_without_the_index_somebody_pays_twice(self, bruno, without_the_index, without_locks):
        statuses = [answer.status_code for answer in pay_at_once(bruno)]

        assert statuses.count(201) > 1
        assert models.SandboxEntry.objects.filter(kind="authorized").count() > 1

    def test_with_one_key_have_one_effect(self, bruno):
        answers = pay_at_once(bruno, idempotency_key="k1")

        refused = [answer for answer in answers if answer.status_code != 201]
        assert {callers.code(answer, 409) for answer in refused} <= {"still_running"}
        assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
        assert models.Payment.objects.count() == models.SandboxEntry.objects.count() == 1


def settle_at_once(payment):
    """Two workers settle the same payment; what was told of it."""

    def settle():
        return commands.settle_payment(payment_id=payment.id, now=clock.now()).status

    statuses = races.at_once(*[settle] * 4)
    return set(statuses), [name for name, subject in deliveries.said() if subject == str(payment.id)]


class TestWorkersAtOnce:
    def authorized(self):
        order = OrderFactory()
        payment = PaymentFactory(order=order, status="authorized", decision="capture")
        sandbox.Sandbox().authorize(payment_id=payment.id, amount_minor=1250, currency="USD", token="tok_visa")
        return payment

    def test_capture_once(self):
        for _ in range(5):
            assert settle_at_once(self.authorized()) == ({"captured"}, ["payment.captured"])

    def test_control_without_the_lock_say_so_more_than_once(self, without_locks):
        assert any(len(settle_at_once(self.authorized())[1]) > 1 for _ in range(30))


def authorize_while_cancelled(rounds):
    """The order is cancelled while its payment's answer is recorded: how many authorizations nobody will ever void."""
    forgotten = 0
    for _ in range(rounds):
        models.Payment.objects.all().delete()
        order = OrderFactory()
        payment = PaymentFactory(order=order)
        cancelled = samples.sample(
            orders.OrderCancelled, id=order.id, user_id=order.user_id, status="cancelled", version=2
        )
        races.at_once(
            lambda payment=payment: commands.authorize_payment(payment_id=payment.id, now=clock.now()),
            lambda cancelled=cancelled: deliveries.hear(cancelled),
        )
        forgotten += models.Payment.objects.undecided().count()
    return forgotten


class TestACancellationDuringAnAuthorization:
    def test_never_leaves_money_held(self):
        assert authorize_while_cancelled(15) == 0


ENDS = {
    ("captured", frozenset({"authorized", "captured"})),
    ("failed", frozenset({"authorized", "voided"})),  # voided between its authorization and our record of it
    ("declined", frozenset({"authorized", "voided"})),
    ("declined", frozenset({"declined", "voided"})),
    ("declined", frozenset({"voided"})),
}


class TestALookUpDuringTheCall:
    def test_never_ends_with_money_taken_that_we_do_not_know_of(self):
        for _ in range(10):
            order = OrderFactory()
            payment = PaymentFactory(order=order)

            races.at_once(
                lambda payment=payment: commands.resolve_payment(payment_id=payment.id, now=clock.now()),
                lambda payment=payment: commands.authorize_payment(payment_id=payment.id, now=clock.now()),
            )
            completed = {"id": order.id, "status": "complete", "version": 2, "payment_id": payment.id}
            deliveries.hear(samples.sample(orders.OrderCompleted, **completed))
            status = commands.settle_payment(payment_id=payment.id, now=clock.now()).status

            kinds = models.SandboxEntry.objects.filter(payment_id=payment.id).values_list("kind", flat=True)
            assert (status, frozenset(kinds)) in ENDS

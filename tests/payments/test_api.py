"""What payers are told over HTTP: every success and every refusal of the contract."""

import datetime as dt

import pytest

from payments_service.payments import commands, models
from payments_service.payments.providers import sandbox
from shared import clock, ids
from shared.contracts import orders
from shared.testing import callers, deliveries
from tests.contracts import samples
from tests.payments.factories import OrderFactory, PaymentFactory

# A provider is asked outside of any transaction, so these tests commit.
pytestmark = pytest.mark.django_db(transaction=True)


def address(payment):
    return f"/api/payments/{getattr(payment, 'id', payment)}"


def pay(who, order, token="tok_visa", **headers):  # noqa: S107 - a card of the sandbox
    return who.post("/api/payments", {"orderId": str(getattr(order, "id", order)), "token": token}, **headers)


def stored():
    return models.Payment.objects.get()


@pytest.fixture
def order(bruno):
    return OrderFactory(id=samples.ORDER, user_id=bruno.id)


class TestPay:
    def test_answers_with_the_payment_and_where_it_is(self, bruno, order):
        answer = pay(bruno, order)

        payment = answer.json()
        assert answer.status_code == 201
        assert payment == {
            "id": str(stored().id),
            "orderId": str(order.id),
            "status": "authorized",
            "amount": 12.5,
            "currency": "USD",
        }
        assert answer["Location"] == address(payment["id"])
        assert answer["ETag"] == '"1"'
        assert bruno.get(answer["Location"]).json() == payment
        assert deliveries.said() == [("payment.authorized", payment["id"])]

    @pytest.mark.parametrize(("amount", "currency", "shown"), [(1250, "JPY", 1250), (1234, "KWD", 1.234)])
    def test_takes_the_price_of_the_order_in_its_currency(self, bruno, amount, currency, shown):
        answer = pay(bruno, OrderFactory(user_id=bruno.id, amount_minor=amount, currency=currency))

        assert (answer.json()["amount"], answer.json()["currency"]) == (shown, currency)

    @pytest.mark.parametrize(
        ("token", "status", "shown"),
        [("tok_visa", 201, "authorized"), ("tok_slow", 201, "authorized"), ("tok_captureLapses", 201, "authorized"),
         ("tok_timeout", 201, "unknown"), ("tok_unreachable", 201, "unknown")],
    )  # fmt: skip
    def test_says_what_is_known_of_the_providers_answer(self, bruno, order, token, status, shown):
        answer = pay(bruno, order, token)

        assert (answer.status_code, answer.json()["status"]) == (status, shown)

    @pytest.mark.parametrize(
        ("token", "reason"), [("tok_chargeDeclined", "insufficient_funds"), ("tok_nobody", "unknown_token")]
    )
    def test_says_that_the_provider_declined_and_why(self, bruno, order, token, reason):
        (error,) = callers.problem(pay(bruno, order, token), 402)

        assert error["code"] == "declined"
        assert reason in error["message"]
        assert stored().status == "declined"
        assert deliveries.said() == [("payment.declined", str(stored().id))]

    def test_lets_a_declined_buyer_try_another_card(self, bruno, order):
        pay(bruno, order, "tok_chargeDeclined")

        assert pay(bruno, order).status_code == 201

    @pytest.mark.parametrize("token", ["tok_visa", "tok_timeout", "tok_unreachable"])
    def test_refuses_to_pay_twice(self, bruno, order, token):
        pay(bruno, order, token)

        assert callers.code(pay(bruno, order), 409) == "already_paid"
        assert models.Payment.objects.count() == 1

    @pytest.mark.parametrize("status", ["created", "cancelled", "expired", "complete", "refunded"])
    def test_refuses_an_order_that_does_not_await_payment(self, bruno, status):
        answer = pay(bruno, OrderFactory(user_id=bruno.id, status=status))

        assert callers.code(answer, 409) == "order_not_payable"
        assert not models.Payment.objects.exists()
        assert not models.SandboxEntry.objects.exists()

    def test_refuses_an_order_whose_window_is_over_though_nobody_has_said_so(self, bruno):
        order = OrderFactory(user_id=bruno.id, expires_at=clock.now() - dt.timedelta(seconds=1))

        assert callers.code(pay(bruno, order), 409) == "order_not_payable"

    def test_knows_no_orders_but_ones_own(self, bruno, olivia, order):
        assert callers.code(pay(bruno, ids.new()), 404) == "unknown_order"
        assert callers.problem(pay(olivia, order), 404) == callers.problem(pay(bruno, ids.new()), 404)

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"orderId": None}, "orderId"),
            ({"orderId": "hamlet"}, "orderId"),
            ({"orderId": 7}, "orderId"),
            ({"orderId": samples.ORDER.hex}, "orderId"),
            ({"orderId": []}, "orderId"),
            ({"token": None}, "token"),
            ({"token": ""}, "token"),
            ({"token": "  "}, "token"),
            ({"token": 4242}, "token"),
            ({"token": {"id": "tok_visa"}}, "token"),
            ({"token": "x" * 256}, "token"),
        ],
    )
    def test_refuses_what_breaks_a_rule_and_names_the_member(self, bruno, order, wrong, field):
        body = {"orderId": str(order.id), "token": "tok_visa", **wrong}

        assert callers.blamed(bruno.post("/api/payments", body)) == {field}

    def test_names_every_rule_that_failed(self, bruno):
        assert callers.blamed(bruno.post("/api/payments", {})) == {"orderId", "token"}

    @pytest.mark.parametrize("body", ["", "[]", "{", '{"token": "\\u0000"}', '{"token": "\\ud800"}', '{"a":' * 9_999])
    def test_refuses_what_is_no_proper_json(self, bruno, body):
        callers.problem(bruno.post("/api/payments", body), 400)

    def test_needs_credentials_before_anything_else(self, nobody, order):
        callers.problem(pay(nobody, order), 401)
        callers.problem(nobody.post("/api/payments", "{"), 401)

    def test_refuses_another_sites_form(self, issuer, nobody, bruno, order):
        issuer.sign_in(nobody.client, user_id=bruno.id)

        callers.problem(pay(nobody, order, sec_fetch_site="cross-site"), 403)
        assert pay(nobody, order, sec_fetch_site="same-origin").status_code == 201

    def test_refuses_other_content_and_methods(self, bruno):
        callers.problem(bruno.post("/api/payments", "token=x", content_type="text/plain"), 415)
        callers.problem(bruno.put("/api/payments", {}), 405)

    def test_is_found_with_a_slash_too(self, bruno, order):
        payment = bruno.post("/api/payments/", {"orderId": str(order.id), "token": "tok_visa"}).json()

        assert bruno.get(address(payment["id"]) + "/").json() == payment
        assert bruno.get("/api/payments/").json() == [payment]


class TestIdempotencyKey:
    def test_gives_the_same_payment_again(self, bruno, order):
        first = pay(bruno, order, idempotency_key="k1")
        again = pay(bruno, order, idempotency_key="k1")

        assert (again.status_code, again.json()) == (201, first.json())
        assert again["Idempotency-Replayed"] == "true"
        assert stored().idempotency_key == "k1"
        assert len(deliveries.said()) == 1

    def test_refuses_another_body(self, bruno, order):
        pay(bruno, order, idempotency_key="k1")

        assert callers.code(pay(bruno, order, "tok_slow", idempotency_key="k1"), 422) == "idempotency_key_reused"

    def test_gives_a_decline_again(self, bruno, order):
        first = pay(bruno, order, "tok_chargeDeclined", idempotency_key="k1")
        again = pay(bruno, order, "tok_chargeDeclined", idempotency_key="k1")

        assert callers.problem(again, 402) == callers.problem(first, 402)
        assert again["Idempotency-Replayed"] == "true"
        assert models.Payment.objects.count() == 1

    @pytest.mark.parametrize(("status", "refused"), [("created", 409), (None, 404)])
    def test_gives_a_decided_refusal_again_though_it_would_succeed_now(self, bruno, status, refused):
        order = OrderFactory.build(user_id=bruno.id, status=status)
        if status:
            order.save(force_insert=True)
        first = pay(bruno, order, idempotency_key="k1")
        models.Order.objects.all().delete()
        OrderFactory(id=order.id, user_id=bruno.id)

        again = pay(bruno, order, idempotency_key="k1")

        assert callers.problem(again, refused) == callers.problem(first, refused)
        assert again["Idempotency-Replayed"] == "true"

    def test_keeps_no_refusal_that_the_client_can_mend(self, bruno, order):
        callers.problem(pay(bruno, order, "", idempotency_key="k1"), 400)

        assert pay(bruno, order, idempotency_key="k1").status_code == 201

    def test_resumes_a_payment_that_a_crash_left_requested(self, bruno, order):
        left = PaymentFactory(order=order, idempotency_key="k1")

        answer = pay(bruno, order, idempotency_key="k1")

        assert (answer.status_code, answer.json()["id"], answer.json()["status"]) == (201, str(left.id), "authorized")
        assert models.SandboxEntry.objects.get().payment_id == left.id

    def test_resumes_a_payment_whose_answer_was_lost(self, bruno, order):
        unknown = commands.pay(
            order_id=order.id, user_id=bruno.id, token="tok_timeout", idempotency_key="k1", now=clock.now()
        )

        answer = pay(bruno, order, "tok_timeout", idempotency_key="k1")

        assert (unknown.status, answer.json()["status"]) == ("unknown", "authorized")
        assert models.SandboxEntry.objects.count() == 1

    def test_without_one_a_repeat_is_refused(self, bruno, order):
        PaymentFactory(order=order, idempotency_key="k1")

        callers.problem(pay(bruno, order), 409)

    def test_names_one_payment_for_ever_even_when_its_answer_is_forgotten(self, bruno, order):
        yesterday = clock.now() - dt.timedelta(hours=25)
        declined = PaymentFactory(order=order, idempotency_key="k1", status="declined", created_at=yesterday)

        callers.problem(pay(bruno, OrderFactory(user_id=bruno.id), idempotency_key="k1"), 422)
        assert models.Payment.objects.get() == declined


class TestALateAuthorization:
    def test_for_an_order_that_has_ended_meanwhile_is_voided_and_refused(self, bruno, order, monkeypatch):
        authorize = sandbox.Sandbox.authorize

        def while_the_order_is_cancelled(self, **asked):
            deliveries.hear(samples.sample(orders.OrderCancelled, status="cancelled", version=2, user_id=bruno.id))
            return authorize(self, **asked)

        monkeypatch.setattr(sandbox.Sandbox, "authorize", while_the_order_is_cancelled)

        assert callers.code(pay(bruno, order), 409) == "order_not_payable"

        assert (stored().status, stored().decision) == ("authorized", "void")
        assert deliveries.said() == []
        commands.settle_payment(payment_id=stored().id, now=clock.now())
        assert stored().status == "voided"


class TestShow:
    def test_is_for_the_buyer_alone(self, bruno, olivia, nobody, issuer, order):
        payment = PaymentFactory(order=order)
        staff = callers.Caller(issuer).is_known(roles=("finance",))

        assert bruno.get(address(payment)).json()["status"] == "requested"
        callers.problem(olivia.get(address(payment)), 404)
        callers.problem(staff.get(address(payment)), 404)
        callers.problem(nobody.get(address(payment)), 401)
        callers.problem(nobody.get(address("hamlet")), 401)

    @pytest.mark.parametrize("unknown", [ids.new(), "hamlet", "1", "%00", "%ff"])
    def test_knows_nothing_of_others(self, bruno, unknown):
        callers.problem(bruno.get(address(unknown)), 404)

    def test_never_shows_the_token(self, bruno, order):
        assert b"tok_visa" not in pay(bruno, order).content + bruno.get("/api/payments").content

    def test_answers_304_to_who_has_it_but_never_to_a_cookie(self, bruno, issuer, nobody, order):
        payment = PaymentFactory(order=order)
        issuer.sign_in(nobody.client, user_id=bruno.id)

        assert bruno.get(address(payment), if_none_match='"0"').status_code == 304
        assert nobody.get(address(payment), if_none_match='"0"').status_code == 200
        assert bruno.get(address(payment))["Cache-Control"] == "no-store"


class TestList:
    def test_is_of_ones_own_the_newest_first_page_by_page(self, bruno, olivia):
        payments = [PaymentFactory(order=OrderFactory(user_id=bruno.id)) for _ in range(3)]
        PaymentFactory(order=OrderFactory(user_id=olivia.id))

        first = bruno.get("/api/payments", {"limit": 2})
        PaymentFactory(order=OrderFactory(user_id=bruno.id))
        second = bruno.get(first["Link"].split(">")[0].strip("<"))

        shown = [payment["id"] for page in (first, second) for payment in page.json()]
        assert shown == [str(payment.id) for payment in reversed(payments)]

    def test_needs_credentials(self, nobody):
        callers.problem(nobody.get("/api/payments"), 401)

    @pytest.mark.parametrize(
        ("name", "junk"), [("limit", "0"), ("limit", "101"), ("limit", str(2**63)), ("cursor", "x")]
    )
    def test_refuses_pages_that_are_none(self, bruno, name, junk):
        assert callers.blamed(bruno.get("/api/payments", {name: junk})) == {name}

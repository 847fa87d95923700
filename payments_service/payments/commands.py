"""What may be asked of payments.

The provider is never called inside a transaction: what we mean to do is committed first, then it is told, then its
answer is recorded. Whatever a crash leaves in between, `resolve` and `settle` finish. Locks are taken in one order:
this service's copy of the order, then the payment.
"""

import datetime as dt
import uuid

import msgspec
from django.db import transaction

from payments_service.payments import models
from payments_service.payments.providers import choice, port
from shared import faults
from shared.contracts import orders
from shared.contracts import payments as events
from shared.identity import actions
from shared.identity import models as identity
from shared.messaging import outbox

Status = models.Payment.Status
Decision = models.Payment.Decision


def pay(
    *, order_id: uuid.UUID, user_id: uuid.UUID, token: str, idempotency_key: str | None, now: dt.datetime
) -> models.Payment:
    """Have the provider promise the price of an order; a repeat with the same key resumes that payment."""
    payment = _earlier_payment(user_id, idempotency_key)
    if payment is None:
        payment = request_payment(
            order_id=order_id, user_id=user_id, token=token, idempotency_key=idempotency_key, now=now
        )
    elif (payment.order_id, payment.token) != (order_id, token):
        raise models.KeyReused
    return authorize_payment(payment_id=payment.id, now=now)


@transaction.atomic(durable=True)
def request_payment(
    *, order_id: uuid.UUID, user_id: uuid.UUID, token: str, idempotency_key: str | None, now: dt.datetime
) -> models.Payment:
    """Commit to asking the provider, before it is asked."""
    order = models.Order.objects.filter(id=order_id, user_id=user_id).first()
    if order is None:
        raise models.UnknownOrder
    order.demand_payable(now=now)
    payment = models.Payment(
        order_id=order.id,
        user_id=user_id,
        amount_minor=order.amount_minor,
        currency=order.currency,
        token=token,
        idempotency_key=idempotency_key,
    )
    payment.request(now=now)
    return payment


def authorize_payment(*, payment_id: uuid.UUID, now: dt.datetime) -> models.Payment:
    """Ask the provider for its promise and record the answer, or that none came."""
    payment = models.Payment.objects.get(id=payment_id)
    if payment.status != Status.REQUESTED:
        return resolve_payment(payment_id=payment_id, now=now) if payment.is_unanswered else payment
    try:
        answer, reason = choice.current().authorize(
            payment_id=payment.id,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            token=payment.token,
        )
    except port.NoAnswer:
        return _lose(payment_id, now=now)
    return _record_answer(payment, answer, reason, now=now)


def resolve_payment(*, payment_id: uuid.UUID, now: dt.datetime) -> models.Payment:
    """Look up what became of a payment whose answer is missing; one that never arrived is barred from arriving."""
    payment = models.Payment.objects.get(id=payment_id)
    provider = choice.current()
    try:
        answer, reason = provider.look_up(payment_id=payment_id)
        if answer is port.Answer.NEVER_HEARD_OF:
            provider.void(payment_id=payment_id)
            answer, reason = port.Answer.DECLINED, "never_received"
    except port.NoAnswer:
        return payment
    return _record_answer(payment, answer, reason, now=now)


def settle_payment(*, payment_id: uuid.UUID, now: dt.datetime) -> models.Payment:
    """Tell the provider what was decided about an authorized payment, and record what it did."""
    payment = models.Payment.objects.get(id=payment_id)
    provider = choice.current()
    if not payment.is_to_settle:
        return payment
    if payment.decision == Decision.VOID:
        provider.void(payment_id=payment_id)
        return _record_settlement(payment_id, Status.VOIDED, now=now)
    taken = provider.capture(payment_id=payment_id)
    return _record_settlement(payment_id, Status.CAPTURED if taken else Status.FAILED, now=now)


@transaction.atomic
def keep_order(*, order: orders.OrderEvent, now: dt.datetime) -> None:
    """Keep this service's copy of an order, and decide what its state requires of its payments."""
    models.Order.objects.update_or_create(
        id=order.id,
        defaults={
            "user_id": order.user_id,
            "status": order.status,
            "amount_minor": order.amount_minor,
            "currency": order.currency,
            "expires_at": order.expires_at,
            "payment_id": order.payment_id,
            "version": order.version,
        },
    )
    if order.status in ("created", models.Order.AWAITING_PAYMENT):
        return
    for payment in models.Payment.objects.undecided().filter(order_id=order.id).order_by("id").locked():
        bought = order.status == "complete" and order.payment_id == payment.id
        payment.decide(Decision.CAPTURE if bought else Decision.VOID, now=now)


@transaction.atomic
def refuse_payment(*, payment_id: uuid.UUID, now: dt.datetime) -> None:
    """The order cannot be completed by this payment. Quiet where it is past that."""
    payment = models.Payment.objects.undecided().filter(id=payment_id).locked().first()
    if payment:
        payment.decide(Decision.VOID, now=now)


@transaction.atomic
def forget_payer(*, user_id: uuid.UUID) -> None:
    """Empty what somebody whose account is closed has sent with his payments. What he paid stays in the books."""
    models.Payment.objects.forget_payer(user_id)


def look_payment_up(*, payment_id: uuid.UUID, by: identity.Account, reason: str, now: dt.datetime) -> None:
    """Ask the provider now, as a member of the staff, what the clock would ask later.

    Raises UnknownPayment, WrongState, BeingAsked, ProviderSilent.
    """
    with transaction.atomic(durable=True):
        payment = _locked(payment_id)
        payment.demand_unanswered(asked_before=now - port.PATIENCE)
        actions.record(by=by, target=payment, what="looked up", reason=reason)
    if resolve_payment(payment_id=payment_id, now=now).is_unanswered:
        raise models.ProviderSilent


def capture_payment_again(*, payment_id: uuid.UUID, by: identity.Account, reason: str, now: dt.datetime) -> None:
    """Tell the provider once more, as a member of the staff, to take the money of a completed order.

    Raises UnknownPayment, WrongState, WrongDecision, ProviderSilent.
    """
    with transaction.atomic(durable=True):
        payment = _locked(payment_id)
        payment.demand_decided(Decision.CAPTURE, asked="captured")
        actions.record(by=by, target=payment, what="told to be captured", reason=reason)
    _settle_at_once(payment_id, now=now)


def void_payment(*, payment_id: uuid.UUID, by: identity.Account, reason: str, now: dt.datetime) -> None:
    """Let the money go, as a member of the staff: an order that this payment completes meanwhile is refunded.

    Raises UnknownPayment, WrongState, WrongDecision, ProviderSilent.
    """
    with transaction.atomic(durable=True):
        payment = _locked(payment_id)
        if payment.is_undecided:
            payment.decide(Decision.VOID, now=now)
        payment.demand_decided(Decision.VOID, asked="voided")
        actions.record(by=by, target=payment, what="told to be voided", reason=reason)
    _settle_at_once(payment_id, now=now)


def _settle_at_once(payment_id: uuid.UUID, *, now: dt.datetime) -> None:
    try:
        settle_payment(payment_id=payment_id, now=now)
    except port.NoAnswer as error:
        raise models.ProviderSilent from error


def _locked(payment_id: uuid.UUID) -> models.Payment:
    payment = models.Payment.objects.locked().filter(id=payment_id).first()
    if payment is None:
        raise models.UnknownPayment
    return payment


def _earlier_payment(user_id: uuid.UUID, idempotency_key: str | None) -> models.Payment | None:
    if idempotency_key is None:
        return None
    return models.Payment.objects.filter(user_id=user_id, idempotency_key=idempotency_key).first()


@transaction.atomic(durable=True)
def _lose(payment_id: uuid.UUID, *, now: dt.datetime) -> models.Payment:
    payment = models.Payment.objects.locked().get(id=payment_id)
    if payment.status == Status.REQUESTED:
        payment.lose(now=now)
    return payment


@transaction.atomic(durable=True)
def _record_answer(payment: models.Payment, answer: port.Answer, reason: str, *, now: dt.datetime) -> models.Payment:
    """One that is authorized for an order that can no longer be paid is to be voided, and nobody hears of it."""
    faults.point("payments.answered")
    order = models.Order.objects.select_for_update().get(id=payment.order_id)
    payment = models.Payment.objects.locked().get(id=payment.id)
    if not payment.is_unanswered:
        return payment
    if answer is port.Answer.DECLINED:
        payment.decline(reason=reason, now=now)
        _say(events.PaymentDeclined, payment)
        return payment
    payment.authorize(now=now)
    if order.is_payable:
        _say(events.PaymentAuthorized, payment)
    else:
        payment.decide(Decision.VOID, now=now)
    return payment


@transaction.atomic(durable=True)
def _record_settlement(payment_id: uuid.UUID, status: Status, *, now: dt.datetime) -> models.Payment:
    faults.point("payments.answered")
    payment = models.Payment.objects.locked().get(id=payment_id)
    if payment.status != Status.AUTHORIZED:
        return payment
    if status == Status.CAPTURED:
        payment.capture(now=now)
        _say(events.PaymentCaptured, payment)
    elif status == Status.VOIDED:
        payment.void(now=now)
        _say(events.PaymentVoided, payment)
    else:
        payment.fail(reason="lapsed", now=now)
        _say(events.PaymentFailed, payment)
    return payment


def _say(event: type[events.PaymentEvent], payment: models.Payment) -> None:
    outbox.publish(msgspec.convert(payment, event, from_attributes=True))

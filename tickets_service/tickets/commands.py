"""What may be asked of tickets. Locks are taken in one order: the seller's copy, then the ticket."""

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
from django.db import transaction

from shared.contracts import tickets as events
from shared.identity import actions, users
from shared.identity import models as identity
from shared.messaging import outbox
from tickets_service.tickets import models

Precondition = Callable[[int], None]


@transaction.atomic
def offer_ticket(*, user_id: uuid.UUID, now: dt.datetime, **offer: Any) -> models.Ticket:
    """Put a ticket on sale."""
    users.require_active(user_id)
    ticket = models.Ticket(user_id=user_id, **offer)
    ticket.offer(now=now)
    _say(events.TicketCreated, ticket)
    return ticket


@transaction.atomic
def edit_ticket(
    *, ticket_id: uuid.UUID, user_id: uuid.UUID, changes: dict[str, Any], precondition: Precondition, now: dt.datetime
) -> models.Ticket:
    """Change what is offered. `precondition` is given the current version and raises where it does not hold."""
    ticket = _own_ticket(ticket_id, user_id)
    precondition(ticket.version)
    ticket.edit(changes, now=now)
    _say(events.TicketUpdated, ticket)
    return ticket


@transaction.atomic
def withdraw_ticket(*, ticket_id: uuid.UUID, user_id: uuid.UUID, precondition: Precondition, now: dt.datetime) -> None:
    """Take a ticket off the market."""
    ticket = _own_ticket(ticket_id, user_id)
    precondition(ticket.version)
    ticket.withdraw(now=now)
    _say(events.TicketWithdrawn, ticket)


@transaction.atomic
def take_ticket_down(*, ticket_id: uuid.UUID, by: identity.Account, reason: str, now: dt.datetime) -> None:
    """Withdraw somebody else's offer, as a member of the staff. Raises UnknownTicket, NotOnSale."""
    ticket = models.Ticket.objects.locked().filter(id=ticket_id).first()
    if ticket is None:
        raise models.UnknownTicket
    ticket.withdraw(now=now)
    _say(events.TicketWithdrawn, ticket)
    actions.record(by=by, target=ticket, what="withdrawn", reason=reason)


@transaction.atomic
def withdraw_offers(*, user_id: uuid.UUID, now: dt.datetime) -> None:
    """Take everything a seller has on sale off the market; what is reserved or sold stays promised."""
    for ticket in models.Ticket.objects.on_sale().filter(user_id=user_id).order_by("id").locked():
        ticket.withdraw(now=now)
        _say(events.TicketWithdrawn, ticket)


@transaction.atomic
def reserve_ticket(
    *, ticket_id: uuid.UUID, order_id: uuid.UUID, amount_minor: int, currency: str, now: dt.datetime
) -> None:
    """Hold the ticket for an order at the price its buyer has seen, or tell the order why not."""
    try:
        ticket, seller_active = _lock(ticket_id)
        if ticket.is_held_by(order_id):
            return
        if not seller_active:
            raise models.NotOnSale(models.Ticket.Status.WITHDRAWN)
        ticket.reserve_for(order_id, amount_minor=amount_minor, currency=currency, now=now)
    except models.UnknownTicket:
        _refuse(ticket_id, order_id, "unknown")
    except (models.NotOnSale, models.PriceChanged) as refusal:
        _refuse(ticket_id, order_id, refusal.reason)
    else:
        _say(events.TicketReserved, ticket)


@transaction.atomic
def release_ticket(*, ticket_id: uuid.UUID, order_id: uuid.UUID, now: dt.datetime) -> None:
    """Free the ticket if it is reserved for this very order; nobody else's reservation is touched."""
    ticket, seller_active = _lock_held(ticket_id, order_id)
    if ticket and ticket.status == models.Ticket.Status.RESERVED:
        _free(ticket, order_id, seller_active=seller_active, now=now)


@transaction.atomic
def sell_ticket(*, ticket_id: uuid.UUID, order_id: uuid.UUID, now: dt.datetime) -> None:
    """Give the ticket to the order it is reserved for."""
    ticket, _ = _lock_held(ticket_id, order_id)
    if ticket and ticket.status == models.Ticket.Status.RESERVED:
        ticket.sell(order_id, now=now)
        _say(events.TicketSold, ticket)


@transaction.atomic
def return_ticket(*, ticket_id: uuid.UUID, order_id: uuid.UUID, relist: bool, now: dt.datetime) -> None:
    """The order was refunded: back on sale if `relist`, otherwise sold for good."""
    if not relist:
        return sell_ticket(ticket_id=ticket_id, order_id=order_id, now=now)
    ticket, seller_active = _lock_held(ticket_id, order_id)
    if ticket:
        _free(ticket, order_id, seller_active=seller_active, now=now)


def _free(ticket: models.Ticket, order_id: uuid.UUID, *, seller_active: bool, now: dt.datetime) -> None:
    ticket.free(order_id, seller_active=seller_active, now=now)
    _say(events.TicketReleased if seller_active else events.TicketWithdrawn, ticket)


def _own_ticket(ticket_id: uuid.UUID, user_id: uuid.UUID) -> models.Ticket:
    ticket = models.Ticket.objects.locked().visible_to(user_id).filter(id=ticket_id).first()
    if ticket is None:
        raise models.UnknownTicket
    if ticket.user_id != user_id:
        raise models.NotYourTicket
    return ticket


def _lock(ticket_id: uuid.UUID) -> tuple[models.Ticket, bool]:
    """The ticket, locked, and whether its seller may sell, which stays so until the transaction ends."""
    seller_id = models.Ticket.objects.filter(id=ticket_id).values_list("user_id", flat=True).first()
    if seller_id is None:
        raise models.UnknownTicket
    seller_active = users.hold_active(seller_id)
    return models.Ticket.objects.locked().get(id=ticket_id), seller_active


def _lock_held(ticket_id: uuid.UUID, order_id: uuid.UUID) -> tuple[models.Ticket | None, bool]:
    """As `_lock`, or (None, …) where this order does not hold the ticket: then there is nothing left to do."""
    if not models.Ticket.objects.filter(id=ticket_id).exists():
        return None, False
    ticket, seller_active = _lock(ticket_id)
    return (ticket if ticket.is_held_by(order_id) else None), seller_active


def _refuse(ticket_id: uuid.UUID, order_id: uuid.UUID, reason: str) -> None:
    outbox.publish(events.ReservationRefused(ticket_id=ticket_id, order_id=order_id, reason=reason))


def _say(event: type[events.TicketEvent], ticket: models.Ticket) -> None:
    outbox.publish(msgspec.convert(ticket, event, from_attributes=True))

"""What may be known about tickets."""

import functools
import operator
import uuid

from django.contrib.postgres.search import SearchQuery

from shared import money
from shared.contracts import tickets as events
from tickets_service.tickets import models


def tickets_for(*, viewer_id: uuid.UUID | None, viewer_is_staff: bool) -> models.TicketQuerySet:
    """Every ticket that this viewer may see; which of them are listed is the caller's filter."""
    tickets = models.Ticket.objects.defer("words")
    return tickets if viewer_is_staff else tickets.visible_to(viewer_id)


def get_ticket(*, ticket_id: uuid.UUID, viewer_id: uuid.UUID | None, viewer_is_staff: bool) -> models.Ticket:
    """One ticket, if this viewer may see it."""
    ticket = tickets_for(viewer_id=viewer_id, viewer_is_staff=viewer_is_staff).filter(id=ticket_id).first()
    if ticket is None:
        raise models.UnknownTicket
    return ticket


def with_words(tickets: models.TicketQuerySet, text: str) -> models.TicketQuerySet:
    """Those whose title, description or venue has, for each word of `text`, a word that begins with it."""
    words = ["".join(filter(str.isalnum, word)) for word in text.split()]
    queries = [SearchQuery(f"{word}:*", search_type="raw", config="simple") for word in words if word]
    return tickets.filter(words=functools.reduce(operator.and_, queries)) if queries else tickets


def currency_of(ticket_id: uuid.UUID) -> str:
    """What a price for this ticket is in where nothing else is said; the default for a ticket that does not exist."""
    currency = models.Ticket.objects.filter(id=ticket_id).values_list("currency", flat=True).first()
    return currency or money.DEFAULT_CURRENCY


def aggregates() -> tuple[models.TicketQuerySet, type[events.TicketSnapshot]]:
    """All tickets, and the event that tells the whole of one."""
    return models.Ticket.objects.defer("words"), events.TicketSnapshot

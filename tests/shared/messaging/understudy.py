"""A second module of handlers, for what two parts of a service both hear."""

import datetime as dt

from shared.contracts import tickets
from tests.shared.messaging import stage


def ticket_changed(event: tickets.TicketUpdated, *, now: dt.datetime) -> None:
    stage.note(event.id, -1, "understudy")


HANDLERS = {tickets.TicketUpdated: ticket_changed}

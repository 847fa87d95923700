"""What the clock asks of orders."""

from orders_service.orders import commands


def expire_orders() -> None:
    """End every unpaid order whose window is over, a hundred a transaction."""
    while commands.expire_orders() == 100:
        continue

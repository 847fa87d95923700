"""The next releases of orders, each written into a copy of this repository.

The first does as docs/operations.md says: its migration expands, its code writes and reads what is new, its API and its
events have one more member. The second begins at the end: it drops a column that the code of today reads.
"""

from deploy.local import homes
from shared.testing import copies

MIGRATIONS = "orders_service/orders/migrations"
MIGRATION = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "{before}")]
    operations = [migrations.{operation}]
"""
EXPANSION = {
    "orders_service/orders/models.py": (
        "    relist = models.BooleanField(null=True, blank=True)\n",
        '    channel = models.CharField(max_length=20, null=True, db_default="counter")\n',
    ),
    "orders_service/orders/commands.py": (
        "        user_id=user_id,\n        ticket_id=ticket.id,\n",
        '        channel="app",\n',
    ),
    "orders_service/orders/serializers.py": (
        '    ticket = OrderedTicket(source="*")\n',
        "    channel = serializers.CharField()\n",
    ),
    "shared/contracts/orders.py": (
        "    relist: bool | None = None\n",
        "    channel: str | None = None\n",
    ),
}
"""By file: after which line, which is added."""
EXPANDS = 'AddField("order", "channel", models.CharField(max_length=20, null=True, db_default="counter"))'
CONTRACTS = 'RemoveField("order", "relist")'


def newest():
    """The last migration of orders as it is today."""
    return _last_in(homes.ROOT)


def expanded(place):
    """The tree of a release that expands."""
    tree = copies.copy(place)
    for file, (line, added) in EXPANSION.items():
        text = (tree / file).read_text()
        assert text.count(line) == 1, file
        (tree / file).write_text(text.replace(line, line + added))
    _add_migration(tree, EXPANDS)
    return tree


def contracted(place):
    """The tree of a release whose migration takes away what the release before it needs."""
    tree = copies.copy(place)
    _add_migration(tree, CONTRACTS)
    return tree


def _add_migration(tree, operation):
    text = MIGRATION.format(before=_last_in(tree), operation=operation)
    (tree / MIGRATIONS / "9000_next.py").write_text(text)


def _last_in(tree):
    return max((tree / MIGRATIONS).glob("0*.py")).stem

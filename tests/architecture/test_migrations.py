"""Old code runs on the new schema: every migration expands, and none has those wait who use its table."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import homes
from shared.testing import postgres
from tests.architecture.test_house import ENVIRONMENT, SERVICES

LINTER = Path(__file__).with_name("lint_migrations.py")

BEFORE_THE_FIRST_RELEASE = {
    "users.0002_signing_keys",
    "users.0003_ban_reason",
}
"""No database of a release is older than these, so no code of a release runs on what was before them. The list is
closed: what is released is the old code of tomorrow, and has to run on whatever a later migration makes."""

CONTRACTIONS: dict[str, str] = {}
"""A migration that takes away: the release since which nothing that may run names what goes."""

PLANTED = {
    "an expansion": ("AddField('order', 'a', models.CharField(max_length=9, null=True, db_default='web'))", set()),
    "an index beside the traffic": (
        "AddIndexConcurrently('order', models.Index(fields=['currency'], name='beside'))",
        set(),
    ),
    "a constraint for new rows": (
        "AddConstraintNotValid('order', models.CheckConstraint(condition=models.Q(version__gte=0), name='new_rows'))",
        set(),
    ),
    "a constraint that holds by now": ("ValidateConstraint('order', 'new_rows')", set()),
    "a default for whoever names a column no longer": (
        "AlterField('order', 'currency', models.CharField(max_length=3, db_default='USD'))",
        set(),
    ),
    "a column that old code leaves empty": (
        "AddField('order', 'b', models.IntegerField(default=1))",
        {"NOT_NULL"},
    ),
    "the same, behind one with a default": (
        "AddField('order', 'c', models.IntegerField()), AddField('order', 'd', models.IntegerField(db_default=1))",
        {"adding-required-field"},
    ),
    "a column that may be empty no longer": (
        "AlterField('order', 'payment_id', models.UUIDField(default=shared.ids.new))",
        {"NOT_NULL"},
    ),
    "a column of another type": ("AlterField('order', 'version', models.CharField(max_length=9))", {"ALTER_COLUMN"}),
    "a column that is gone": ("RemoveField('order', 'reason')", {"DROP_COLUMN", "ban-drop-column"}),
    "a column of another name": ("RenameField('order', 'relist', 'again')", {"RENAME_COLUMN", "renaming-column"}),
    "a table that is gone": ("DeleteModel('ticket')", {"DROP_TABLE"}),
    "a table of another name": ("AlterModelTable('order', 'purchase')", {"RENAME_TABLE"}),
    "a column whose every row is written anew": (
        "AddField('order', 'e', models.DateTimeField(db_default=RandomUUID()))",
        {"adding-field-with-default"},
    ),
    "an index that stops writes": (
        "AddIndex('order', models.Index(fields=['currency'], name='by_currency'))",
        {"require-concurrent-index-creation"},
    ),
    "the same, behind the index of a new table": (
        "CreateModel('seat', [('id', models.BigAutoField(primary_key=True)), ('row', models.IntegerField())], "
        "options={'indexes': [models.Index(fields=['row'], name='by_row')]}), "
        "AddIndex('order', models.Index(fields=['version'], name='by_version'))",
        {"require-concurrent-index-creation"},
    ),
    "a unique index that stops writes": (
        "AddField('order', 'f', models.IntegerField(null=True, unique=True))",
        {"disallowed-unique-constraint"},
    ),
    "a constraint for which all rows are read": (
        "AddConstraint('order', models.CheckConstraint(condition=models.Q(version__gte=0), name='g'))",
        {"constraint-missing-not-valid"},
    ),
    "what cannot be taken back": ("RunPython(tell)", {"RUNPYTHON_REVERSIBLE"}),
}
"""By what it is: operations on the schema of orders, and what the linters call them."""

TEXT = """
import shared.ids
from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.operations import *
from django.db import migrations, models
from django.db.migrations.operations import *


def tell(apps, schema_editor):
    pass


class Migration(migrations.Migration):
    atomic = {atomic}
    dependencies = [("orders", "{before}")]
    operations = [{operations}]
"""


def lint(tree, service, server):
    """What stands against each migration of the service in that tree."""
    told = ENVIRONMENT | {
        "DATABASE_URL": f"{server}/postgres",
        "DJANGO_SETTINGS_MODULE": f"{service}_service.config.settings",
    }
    done = subprocess.run([sys.executable, LINTER], cwd=tree, env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {name: set(found) for name, found in json.loads(done.stdout).items()}


@pytest.fixture(scope="module")
def server():
    """Migrations need not be applied to be judged: Django only asks which there are."""
    with postgres.scratch() as address:
        yield address


@pytest.fixture(scope="module")
def planted(server, tmp_path_factory):
    """What stands against each of PLANTED, which are the next migrations of orders in a tree of their own."""
    tree, names = tmp_path_factory.mktemp("planted"), {}
    for folder in ("shared", "orders_service"):
        shutil.copytree(homes.ROOT / folder, tree / folder, ignore=shutil.ignore_patterns("__pycache__"))
    place = tree / "orders_service" / "orders" / "migrations"
    before = max(place.glob("0*.py")).stem
    for number, (what, (operations, _)) in enumerate(PLANTED.items()):
        names[what] = f"{9000 + number}_planted"
        text = TEXT.format(before=before, operations=operations, atomic="Concurrently" not in operations)
        (place / f"{names[what]}.py").write_text(text)
        before = names[what]
    found = lint(tree, "orders", server)
    return {what: found[f"orders.{name}"] for what, name in names.items()}


@pytest.fixture(scope="module")
def found(server):
    """What stands against every migration of this repository."""
    found = {}
    for service in SERVICES:
        found |= lint(homes.ROOT, service, server)
    return found


def test_old_code_runs_on_what_every_migration_makes(found):
    excepted = BEFORE_THE_FIRST_RELEASE | CONTRACTIONS.keys()

    assert {name: said for name, said in found.items() if said and name not in excepted} == {}


def test_nothing_is_excepted_that_need_not_be(found):
    assert {name for name in BEFORE_THE_FIRST_RELEASE | CONTRACTIONS.keys() if not found.get(name)} == set()


@pytest.mark.parametrize("what", PLANTED)
def test_the_linters_know(planted, what):
    _, expected = PLANTED[what]

    assert expected <= planted[what] if expected else planted[what] == set()

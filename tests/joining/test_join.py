"""A service is written while the market runs, joins it, and learns all that was ever said; nobody else notices."""

import json
import re
import sys
import time

import pytest

from shared.testing import copies, waiting

WITHIN = 60.0
"""Seconds in which a newcomer's copies have to be complete."""
COPIES = {
    "identity_user": ("auth", "users_user", "id, email, roles, active, tokens_valid_after, version"),
    "{}_ticket": (
        "tickets",
        "tickets_ticket",
        "id, user_id, status, order_id, title, venue, starts_at, amount_minor, currency, version",
    ),
    "{}_order": (
        "orders",
        "orders_order",
        "id, user_id, status, ticket_id, ticket_title, amount_minor, currency, created_at, expires_at, payment_id, "
        "version",
    ),
}


def rows(behind, service, table, members):
    return {row["id"]: row for row in behind.run(service, f"SELECT {members} FROM {table}")}


def differences(behind, service):
    """How many rows of each copy are not what the source says now."""
    found = {}
    for table, (source, original, members) in COPIES.items():
        true = rows(behind, source, original, members)
        kept = rows(behind, service, table.format(service), members)
        found[source] = sum(kept.get(key) != row for key, row in true.items()) + len(kept.keys() - true.keys())
    return found


def is_equal(behind, service):
    return not any(differences(behind, service).values())


def versions(behind, service, tables):
    """How new each aggregate is that these tables hold, by its id."""
    held = [behind.run(service, f"SELECT id, version FROM {table}") for table in tables]
    return {row["id"]: row["version"] for table in held for row in table}


def past(behind):
    """All that is true by now."""
    held = [versions(behind, source, [original]) for source, original, _ in COPIES.values()]
    return {key: version for one in held for key, version in one.items()}


def knows(behind, service, told):
    """Whether nothing of what was true then is missing, or older, in the newcomer's copies."""
    kept = versions(behind, service, [table.format(service) for table in COPIES])
    return all(kept.get(key, -1) >= version for key, version in told.items())


def events(behind):
    """How many events have been said by those whom a newcomer listens to."""
    query = "SELECT count(*) AS number FROM messaging_outboxevent"
    return sum(behind.run(service, query)[0]["number"] for service in ("auth", "tickets", "orders"))


def lives(market):
    """Which process is which, and how often each was started again."""
    return {row["name"]: (row["pid"], row["restarts"]) for row in market.status()["processes"]}


@pytest.mark.usefixtures("history")
def test_a_newcomer_learns_everything_while_purchases_go_on(
    market, house, newcomer, while_they_buy, olivia, bruno, behind
):
    bought = bruno.has_bought(olivia.offers())
    before, told, number = lives(market), past(behind), events(behind)

    with while_they_buy() as meanwhile:
        said = newcomer("reviews")
        began, so_many = time.monotonic(), len(meanwhile)
        waiting.until(lambda: knows(behind, "reviews", told), seconds=WITHIN, every=0.1, what="the past to be known")
        seconds = time.monotonic() - began
        waiting.until(lambda: len(meanwhile) > so_many, seconds=WITHIN, what="one more purchase")

    sys.stdout.write(f"\n{number} events were known {seconds:.1f} s after the newcomer was ready\n")
    waiting.until(lambda: is_equal(behind, "reviews"), seconds=WITHIN, every=0.5, what="the copies to be equal")
    after = lives(market)
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"reviews.postgres", "reviews.web", "reviews.messaging"}
    assert "reviews takes part" in said
    assert [one["id"] for one in bruno.lists("reviews")] == [bought["id"]]
    assert bruno.http.get("/status/reviews").json()["status"] == "ready"
    assert behind.run("reviews", "SELECT * FROM messaging_parkedmessage") == []

    again = copies.manage(house, "join", "reviews", ADMIT_ONE_HOME=str(market.home))
    assert (again.returncode, again.stdout) == (0, "reviews takes part already.\n")
    if market.broker == "rabbitmq":
        kept = json.loads((market.home / "broker" / "definitions.json").read_text())
        assert "reviews.inbox" in {queue["name"] for queue in kept["queues"]}


def test_without_asking_its_copies_stay_empty_of_the_past(market, house, newcomer, olivia, behind):
    """The control: all of the past comes by replay, and by nothing else."""
    replay = house / "shared" / "messaging" / "replay.py"
    text, changed = re.subn(r"for row in progress\.followed\(\):", "for row in ():", replay.read_text())
    assert changed == 1
    replay.write_text(text)
    olivia.offers()  # the first of a log is the answer to an introduction, whoever asks for nothing else
    lost = olivia.offers()

    newcomer("deaf")
    news = olivia.offers(title="Macbeth, row A")
    behind.waits_for_row("deaf", "deaf_ticket", id=news["id"])
    overdue = (
        "SELECT 1 FROM messaging_progress WHERE source = '/tickets' AND told_at < clock_timestamp() - interval '8 s'"
    )
    waiting.until(lambda: behind.run("deaf", overdue), seconds=WITHIN, what="an answer to be long overdue")

    assert differences(behind, "deaf")["tickets"] > 0
    assert behind.run("deaf", "SELECT 1 FROM deaf_ticket WHERE id = %s", lost["id"]) == []


@pytest.mark.parametrize(("word", "why"), [("nobody", "There is no service nobody"), ("tickets", "takes part already")])
def test_only_what_is_written_and_does_not_take_part_can_join(market, house, word, why):
    done = copies.manage(house, "join", word, ADMIT_ONE_HOME=str(market.home))

    assert why in done.stdout
    assert "Traceback" not in done.stdout

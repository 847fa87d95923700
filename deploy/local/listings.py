"""Believable tickets: what a Friday evening's market could look like."""

import dataclasses
import datetime as dt
import random
from collections.abc import Iterator
from typing import Any


@dataclasses.dataclass(frozen=True)
class Kind:
    """One sort of show: its titles, where it happens, and what a ticket costs."""

    category: str
    titles: tuple[str, ...]
    venues: tuple[str, ...]
    price: tuple[int, int]
    note: str


KINDS = (
    Kind(
        "concert",
        (
            "The Lumen Choir: Winter Songs",
            "Delta Harbour, Unplugged",
            "Ada Okafor Quintet",
            "Mahler 5, City Philharmonic",
            "Night Trains + Foxglove",
            "An Evening of Bach Cello Suites",
            "Static Bloom: The Farewell Tour",
            "Brass on the River",
        ),
        ("Corn Exchange", "Union Chapel", "The Old Tramshed", "Philharmonic Hall"),
        (18, 140),
        "Doors one hour before. Printed ticket, will be handed over by e-mail.",
    ),
    Kind(
        "theatre",
        (
            "Hamlet",
            "The Cherry Orchard",
            "Waiting for Godot",
            "A Doll's House",
            "Twelfth Night in the Park",
            "The Importance of Being Earnest",
            "Antigone, new translation",
        ),
        ("Playhouse, Main Stage", "The Courtyard", "Theatre Royal", "The Attic"),
        (12, 95),
        "Bought for a friend who cannot come.",
    ),
    Kind(
        "sport",
        (
            "Rovers v. United",
            "City Marathon: Grandstand",
            "Ice Hockey: Foxes v. Bears",
            "Track Cycling Finals",
            "Women's Cup Quarter-Final",
            "Table Tennis Open, Day 2",
        ),
        ("Millbrook Stadium", "Velodrome", "Ice Palace", "North Arena"),
        (9, 120),
        "Season ticket seat, one match.",
    ),
    Kind(
        "comedy",
        ("Late Laughs", "Priya Raman: Mostly True", "Improvised Opera", "Tom Ellery: Work in Progress"),
        ("The Cellar", "Station Hotel Ballroom", "The Attic"),
        (8, 45),
        "Unreserved seating, come early.",
    ),
    Kind(
        "family",
        ("The Gruff Goats", "Puppets by Lantern Light", "Planetarium: Journey to Saturn", "Circus Aurelia"),
        ("Little Theatre", "City Planetarium", "Big Top, Meadow Park"),
        (6, 38),
        "Suitable from 5 years.",
    ),
)
_HOURS = (11, 14, 17, 19, 20)


def believable(*, count: int, today: dt.datetime, seed: int) -> Iterator[dict[str, Any]]:
    """`count` bodies for POST /api/tickets, the same for the same `seed`; their shows lie 2 to 120 days ahead."""
    chance = random.Random(seed)
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        low, high = kind.price
        yield {
            "title": chance.choice(kind.titles),
            "description": kind.note,
            "venue": chance.choice(kind.venues),
            "category": kind.category,
            "seat": f"Row {chance.choice('ABCDEFGHJKLM')}, seat {chance.randint(1, 40)}",
            "price": f"{chance.randint(low, high)}.{chance.choice(('00', '00', '50', '95'))}",
            "currency": "USD",
            "startsAt": _starts(today, chance).isoformat().replace("+00:00", "Z"),
        }


def _starts(today: dt.datetime, chance: random.Random) -> dt.datetime:
    day = today + dt.timedelta(days=chance.randint(2, 120))
    return day.replace(hour=chance.choice(_HOURS), minute=chance.choice((0, 30)), second=0, microsecond=0)

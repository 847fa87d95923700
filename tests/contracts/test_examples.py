"""The committed examples: what was written down once is read for ever."""

import json

import msgspec
import pytest

from shared.contracts import events, registry, specimens
from tests.contracts import samples

BY_NAME = {(event.TYPE, event.SCHEMA): event for event in registry.TYPES}
KNOWN = [specimen for specimen in specimens.every() if (specimen.type, specimen.schema) in BY_NAME]


def read(specimen):
    """The example as this release understands it, written out again."""
    event = events.from_data(BY_NAME[specimen.type, specimen.schema], json.dumps(specimen.data).encode())
    return json.loads(events.to_data(event))


@pytest.mark.parametrize("event", registry.TYPES, ids=lambda event: event.TYPE)
def test_an_example_is_kept_of_every_version_there_ever_was(event):
    for schema in range(1, event.SCHEMA + 1):
        file = specimens.path(event.TYPE, schema)
        like = events.to_data(samples.sample(event)).decode()
        assert file.exists(), f"bring {file.name} back, or, if the version is new, write it; it might be [{like}]"
        assert json.loads(file.read_text()), f"{file.name} has no example"


@pytest.mark.parametrize("specimen", KNOWN, ids=lambda specimen: f"{specimen.type}.{specimen.schema}")
def test_every_example_can_be_read_and_nothing_of_it_is_lost(specimen):
    """If this fails the contract has changed for its readers, or a file that must stay as it is was edited."""
    assert read(specimen) == read(specimen) | specimen.data


@pytest.mark.parametrize(
    "change",
    [{"amountMinor": "1250"}, {"amount": 1250}, {"createdAt": "yesterday"}, {"id": None}],
    ids=["another type", "another name", "no time", "null"],
)
def test_an_example_that_no_longer_fits_is_found(change):
    example = next(specimen for specimen in KNOWN if specimen.type == "order.created")
    broken = specimens.Specimen(example.type, example.schema, example.data | change)

    with pytest.raises((msgspec.ValidationError, AssertionError)):
        test_every_example_can_be_read_and_nothing_of_it_is_lost(broken)

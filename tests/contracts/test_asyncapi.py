"""The document of the events says what the contracts and the topology say, in a form that AsyncAPI tools can read.

What each service hears is compared with its handlers in its own suite.
"""

import json
import re

import jsonschema
import pytest

from shared.contracts import events, log, registry
from shared.messaging import topology
from shared.testing import asyncapi, schemas

DOCUMENT = json.loads(asyncapi.FILE.read_text())
CHANNELS, OPERATIONS, COMPONENTS = (DOCUMENT[name] for name in ("channels", "operations", "components"))

every_type = pytest.mark.parametrize("event", registry.TYPES, ids=lambda event: event.TYPE)
every_channel = pytest.mark.parametrize("channel", CHANNELS)


def key(event):
    return f"{event.TYPE}.{event.SCHEMA}"


def message(event):
    return COMPONENTS["messages"][key(event)]


def references(value):
    if isinstance(value, dict):
        return [*filter(None, [value.get("$ref")]), *(ref for inner in value.values() for ref in references(inner))]
    return [ref for inner in value for ref in references(inner)] if isinstance(value, list) else []


def resolve(reference):
    found = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def last(reference):
    return reference.rpartition("/")[2]


class TestDocument:
    def test_has_what_asyncapi_demands(self):
        assert DOCUMENT["asyncapi"] == "3.0.0"
        assert {"title", "version"} <= set(DOCUMENT["info"])
        assert all(operation["action"] in ("send", "receive") for operation in OPERATIONS.values())
        assert all(set(operation["channel"]) == {"$ref"} for operation in OPERATIONS.values())
        names = [*CHANNELS, *COMPONENTS["messages"], *COMPONENTS["schemas"]]
        assert [name for name in names if not re.fullmatch(r"[\w.-]+", name)] == []

    def test_refers_to_nothing_that_is_not_there(self):
        assert len(references(DOCUMENT)) > len(registry.TYPES)
        assert all(resolve(reference) for reference in references(DOCUMENT))

    def test_has_nothing_that_nothing_refers_to(self):
        used = set(references(DOCUMENT))

        for kind, members in COMPONENTS.items():
            assert {f"#/components/{kind}/{name}" for name in members} <= used

    def test_operations_take_messages_from_their_own_channel(self):
        for operation in OPERATIONS.values():
            offered = resolve(operation["channel"]["$ref"])["messages"]
            assert operation["messages"]
            assert all(
                reference["$ref"].startswith(f"{operation['channel']['$ref']}/messages/")
                and last(reference["$ref"]) in offered
                for reference in operation["messages"]
            )


@every_channel
class TestChannel:
    def test_is_an_exchange_of_the_broker_with_its_kind(self, channel):
        broker = topology.definitions(dict.fromkeys(topology.SERVICES, "p"), admin_password="p")
        exchange = CHANNELS[channel]["bindings"]["amqp"]["exchange"]

        assert CHANNELS[channel]["address"] == exchange["name"] == channel
        declared = next(known for known in broker["exchanges"] if known["name"] == channel)
        assert all(exchange[name] == declared[name] for name in ("type", "durable", "vhost"))

    def test_is_spoken_on_by_those_who_may_and_heard_by_those_who_are_bound(self, channel):
        here = [told for told in OPERATIONS.values() if last(told["channel"]["$ref"]) == channel]
        tags = {
            action: {told["tags"][0]["name"] for told in here if told["action"] == action}
            for action in ("send", "receive")
        }

        assert tags["send"] == set(topology.speakers(channel))
        assert tags["receive"] == {queue.partition(".")[0] for queue in topology.listeners(channel)}


def test_no_exchange_of_the_broker_is_left_out():
    broker = topology.definitions(dict.fromkeys(topology.SERVICES, "p"), admin_password="p")

    assert [exchange["name"] for exchange in broker["exchanges"] if exchange["name"] not in CHANNELS] == []


@every_type
class TestMessage:
    def test_is_on_one_channel_its_producers_unless_every_service_says_it(self, event):
        where = {name for name, channel in CHANNELS.items() if key(event) in channel["messages"]}

        if issubclass(event, log.Notice):
            assert len(where) == len(topology.SERVICES)
        else:
            assert where == {topology.exchange(registry.service_of(event.SOURCE))}

    def test_has_the_committed_schema(self, event):
        committed = json.loads(schemas.path(event).read_text())
        shown = resolve(message(event)["payload"]["allOf"][1]["properties"]["data"]["$ref"])

        assert shown == {name: value for name, value in committed.items() if name not in ("$schema", "$id")}

    def test_says_what_it_means(self, event):
        assert message(event)["summary"].strip().endswith(".")

    def test_has_examples_that_fit(self, event):
        validator = jsonschema.Draft202012Validator({**message(event)["payload"], "components": COMPONENTS})

        for example in message(event)["examples"]:
            validator.validate(example["payload"])
            assert not validator.is_valid(example["payload"] | {"type": "ticket.lost"})
            assert not validator.is_valid(example["payload"] | {"data": {}})

    def test_has_a_place_in_the_log_and_a_version_where_it_changes_something(self, event):
        required = message(event)["payload"]["allOf"][1]["required"]

        assert ("position" in required) == (not issubclass(event, log.Notice))
        assert ("aggregateversion" in required) == issubclass(event, events.StateEvent)

"""CloudEvents 1.0 in JSON, read strictly where it matters and tolerantly where it does not."""

import json
import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts import envelope, events, registry
from tests.contracts import samples


def wrap(event, **changes):
    members = {
        "id": uuid.UUID(int=9),
        "source": event.SOURCE,
        "type": event.TYPE,
        "subject": event.subject,
        "time": samples.MONDAY,
        "dataschema": envelope.schema_urn(type(event)),
        "logepoch": 1,
        "position": 7,
        "aggregateversion": event.aggregate_version,
        "data": msgspec.Raw(events.to_data(event)),
    }
    return envelope.Envelope(**members | changes)


@pytest.mark.parametrize("event", samples.ALL, ids=lambda event: event.TYPE)
def test_every_event_travels(event):
    arrived = envelope.decode(envelope.encode(wrap(event)))

    assert registry.find(arrived.type, arrived.schema) is type(event)
    assert events.from_data(type(event), arrived.data) == event


def test_has_the_required_attributes_of_cloudevents_and_our_own():
    members = json.loads(envelope.encode(wrap(samples.ALL[0], requestid="r1")))

    assert members["specversion"] == "1.0"
    assert members["datacontenttype"] == "application/json"
    assert members["time"] == "2026-03-02T19:30:00Z"
    assert {"id", "source", "type", "subject", "dataschema", "logepoch", "position", "requestid"} <= set(members)


def test_a_verdict_has_no_aggregate_version():
    verdict = next(event for event in samples.ALL if event.TYPE == "order.payment_refused")

    assert "aggregateversion" not in json.loads(envelope.encode(wrap(verdict)))


def test_ignores_attributes_it_does_not_know():
    members = json.loads(envelope.encode(wrap(samples.ALL[0]))) | {"comexampleextension": 1}

    assert envelope.decode(json.dumps(members).encode()).position == 7


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b'{"specversion":"1.0"}',
        b"[" * 100_000,
    ],
    ids=["empty", "null", "list", "nothing inside", "not UTF-8", "half", "deep"],
)
def test_refuses_what_is_no_envelope(body):
    with pytest.raises(envelope.Malformed):
        envelope.decode(body)


def test_refuses_another_version_of_cloudevents():
    with pytest.raises(envelope.Malformed, match="specversion"):
        envelope.decode(envelope.encode(wrap(samples.ALL[0], specversion="2.0")))


@given(st.binary(max_size=200))
def test_never_fails_in_another_way(body):
    with pytest.raises(envelope.Malformed):
        envelope.decode(body)


@pytest.mark.parametrize(
    "urn", ["", "urn:admit-one:event:user.registered", "urn:admit-one:event:user.closed:1", "x:user.registered:²"]
)
def test_a_schema_that_is_not_ours_is_one_nobody_subscribes_to(urn):
    assert wrap(samples.ALL[0], dataschema=urn).schema == 0


def test_each_type_is_said_by_one_service_only():
    types = [event.TYPE for event in registry.EVENTS]

    assert len(types) == len(set(types))
    assert {registry.service_of(source) for source in registry.SOURCE_OF_TYPE.values()} == {
        "auth",
        "tickets",
        "orders",
        "payments",
    }

"""What a consumer has to bear: all that was ever said, and what older and newer releases would have made of it.

Each committed example is taken in as bytes, by the real handlers, on a stage that the test has set: as it is, with
members that nobody knows, and without those that are optional. What it does is rolled back each time.
"""

import contextlib
import dataclasses
import json
from collections.abc import Collection, Iterator
from typing import Any
from unittest import mock

import msgspec
import pytest
from django.apps import apps
from django.conf import settings
from django.db import transaction

from shared import clock
from shared.contracts import registry, specimens
from shared.messaging import intake, metrics, models, subscriptions, topology
from shared.messaging.brokers import port

every_specimen = pytest.mark.parametrize(
    "specimen", specimens.every(), ids=lambda specimen: f"{specimen.type}.{specimen.schema}"
)

_NEVER = 999  # a schema version that no release has
_QUEUE = "examples"
_EVENT_ID = "019cafc5-6c41-7f0e-9a53-2d6b8c1e4f70"
_UNKNOWN = {"fromTheFuture": {"because": [{"nobodyKnows": None}], "since": 2031.5}}
_EXTENSIONS = {"comexampletext": "x", "comexamplenumber": 1, "comexamplethings": [{"x": {}}]}
_DISPENSABLE = ("aggregateversion", "traceparent", "requestid")
_NOTICES = {notice.TYPE for notice in registry.NOTICES}

Message = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Effect:
    """What became of one message, as the consumer counts it, and everything that is known afterwards."""

    outcome: str
    rows: dict[str, list[dict[str, Any]]]
    said: list[tuple[str, str, Any]]


def demand_tolerance(specimen: specimens.Specimen) -> None:
    """Raises AssertionError where an example is not heard as it must be, or unknown members change what it does."""
    message = _message(specimen)
    with _one_moment():
        plain = _effect(message)
        assert plain.outcome == _expected(specimen), f"{specimen} was {plain.outcome}"
        assert _effect(_with_unknown_members(message)) == plain, f"unknown members change what {specimen} does"
        for less in _with_less(message, _optional_members(specimen)):
            assert _outcome(less) == plain.outcome, f"an older release has said {less}"


def demand_indifference(specimen: specimens.Specimen) -> None:
    """Raises AssertionError where a schema version that this release does not know is not passed over in silence."""
    stranger = _message(dataclasses.replace(specimen, schema=_NEVER, data={"wholly": "different"}))
    with _one_moment():
        before = _state()
        effect = _effect(stranger)
    assert effect == Effect(models.Outcome.IGNORED, *before)


def types_with_effect() -> set[str]:
    """The types of which an example changes more, on this stage, than the record that it was heard."""
    with _one_moment():
        before = _state()
        effects = [(specimen.type, _effect(_message(specimen))) for specimen in specimens.every()]
    return {name for name, effect in effects if (effect.rows, effect.said) != before}


@contextlib.contextmanager
def _one_moment() -> Iterator[None]:
    """Time stands still, so that effects can be compared, and nothing closes the connection of the test."""
    with (
        mock.patch.object(clock, "now", return_value=clock.now()),
        mock.patch.object(intake, "close_old_connections"),
    ):
        yield


def _expected(specimen: specimens.Specimen) -> str:
    event = registry.find(specimen.type, specimen.schema)
    if event in registry.NOTICES:
        return intake.HEEDED
    return models.Outcome.APPLIED if subscriptions.handlers_of(event) else models.Outcome.IGNORED


def _message(specimen: specimens.Specimen) -> Message:
    """The example as it was on the wire. Notices are said by everybody, so anybody else will do."""
    other = next(service for service in topology.SERVICES if service != settings.SERVICE)
    return {
        "specversion": "1.0",
        "id": _EVENT_ID,
        "source": registry.SOURCE_OF_TYPE.get(specimen.type) or registry.source_of(other),
        "type": specimen.type,
        "subject": specimen.data.get("id", "x"),
        "time": "2026-03-02T19:30:00Z",
        "datacontenttype": "application/json",
        "dataschema": f"urn:admit-one:event:{specimen.type}:{specimen.schema}",
        "logepoch": 1,
        **({} if specimen.type in _NOTICES else {"position": 70}),
        "aggregateversion": specimen.data.get("version", 0),
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "requestid": "walk-1",
        "data": specimen.data,
    }


def _with_unknown_members(message: Message) -> Message:
    return {**message, **_EXTENSIONS, "data": _extended(message["data"])}


def _extended(value: Any) -> Any:
    """The value with unknown members in every object that there is in it."""
    if isinstance(value, dict):
        return {**{name: _extended(member) for name, member in value.items()}, **_UNKNOWN}
    return [_extended(member) for member in value] if isinstance(value, list) else value


def _with_less(message: Message, optional: Collection[str]) -> Iterator[Message]:
    """Without each member that may be missing, in the data and in the envelope, and without all of them."""
    for name in optional:
        yield {**message, "data": _without(message["data"], {name})}
    for name in _DISPENSABLE:
        yield _without(message, {name})
    yield _without({**message, "data": _without(message["data"], optional)}, _DISPENSABLE)


def _without(members: Message, names: Collection[str]) -> Message:
    return {name: value for name, value in members.items() if name not in names}


def _optional_members(specimen: specimens.Specimen) -> list[str]:
    event = registry.find(specimen.type, specimen.schema)
    return [field.encode_name for field in msgspec.structs.fields(event) if not field.required] if event else []


@contextlib.contextmanager
def _heard(message: Message) -> Iterator[str]:
    """What became of the message, for a block in which it has been taken in. Raises AssertionError if it is parked."""
    sender, before = registry.service_of(message["source"]), _counts()
    with transaction.atomic():
        intake.take([port.Delivery(json.dumps(message).encode(), sender, 0)], queue=_QUEUE)
        parked = models.ParkedMessage.objects.first()
        assert parked is None, f"parked: {parked and parked.traceback}"
        (outcome,) = (name for name, count in _counts().items() if count != before.get(name))
        yield outcome
        transaction.set_rollback(True)


def _counts() -> dict[str, float]:
    """How many messages have come to what, as the consumer counts."""
    samples = [sample for metric in metrics.consumed.collect() for sample in metric.samples]
    ours = [sample for sample in samples if sample.name.endswith("_total") and sample.labels["queue"] == _QUEUE]
    return {sample.labels["outcome"]: sample.value for sample in ours}


def _outcome(message: Message) -> str:
    with _heard(message) as outcome:
        return outcome


def _effect(message: Message) -> Effect:
    with _heard(message) as outcome:
        return Effect(outcome, *_state())


def _lasting(row: dict[str, Any]) -> dict[str, Any]:
    """Without the step of a trace in which it was written, which is another one each time."""
    return _without(row, {"traceparent"})


def _state() -> tuple[dict[str, list[dict[str, Any]]], list[tuple[str, str, Any]]]:
    """Every row that is the service's own or copied from others, and what the service has said."""
    ours = (model for model in apps.get_models() if not model.__module__.startswith(("django.", models.__name__)))
    rows = {model._meta.label: list(map(_lasting, model._default_manager.order_by("pk").values())) for model in ours}
    return rows, list(models.OutboxEvent.objects.order_by("id").values_list("type", "subject", "data"))

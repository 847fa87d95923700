"""The events as one AsyncAPI document, made from the contracts, the topology and the tables of handlers.

No process knows every table: a service writes what it hears itself and keeps what is written there of the others.
https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

import datetime as dt
import inspect
import json
import sys
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from shared.contracts import envelope, events, log, registry, specimens
from shared.messaging import subscriptions, topology

Told = dict[str, Any]

_DESCRIPTION = """\
What the services of the market tell each other. Every message is a CloudEvents 1.0 envelope in JSON (structured \
mode); its `data` is the event. A channel is a durable fanout exchange. Operations are tagged with their service.

Readers ignore members they do not know. A schema only ever gains optional members; anything else is a new schema \
version, named by `dataschema` and published beside the old one while both live."""

_DIRECT = """\
What others say to {} alone: that they miss something of its log, and that what it has missed itself was told again. \
The events told again come here too, as they were on their own channels."""

_MONDAY = dt.datetime(2026, 3, 2, 19, 30, tzinfo=dt.UTC)
_EVENT_ID = uuid.UUID("019cafc5-6c41-7f0e-9a53-2d6b8c1e4f70")


def updated(committed: Mapping[str, Any], *, service: str) -> Told:
    """The document as the code has it now; what others than `service` hear is taken from `committed`."""
    known = committed.get("operations", {}).items()
    others = {name: told for name, told in known if told["action"] == "receive" and told["tags"] != _tags(service)}
    operations = {**others, **_hears(service)}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Admit One: events", "version": "1", "description": _DESCRIPTION},
        "defaultContentType": envelope.CONTENT_TYPE,
        "channels": {channel: _channel(channel) for channel in _channels()},
        "operations": {**_says(), **{name: operations[name] for name in _in_order(operations)}},
        "components": {
            "messages": {_key(event): _message(event) for event in registry.TYPES},
            "schemas": _schemas(),
        },
    }


def _in_order(operations: Iterable[str]) -> list[str]:
    """By service, as the topology has them; a service that it has no more is left out."""
    possible = [_hearing(queue.owner, channel) for queue in topology.all_queues() for channel in queue.exchanges]
    return [name for name in possible if name in operations]


def _channels() -> list[str]:
    return [kind(service) for kind in (topology.exchange, topology.direct) for service in topology.SERVICES]


def _channel(channel: str) -> Told:
    service, _, kind = channel.partition(".")
    exchange = {"name": channel, "type": "fanout", "durable": True, "autoDelete": False, "vhost": topology.VHOST}
    return {
        "address": channel,
        "description": _DIRECT.format(service) if kind == "direct" else _contract_of(service),
        "messages": {_key(event): {"$ref": f"#/components/messages/{_key(event)}"} for event in _on(channel)},
        "bindings": {"amqp": {"is": "routingKey", "exchange": exchange, "bindingVersion": "0.3.0"}},
    }


def _contract_of(service: str) -> str:
    """What the module says whose events the service publishes."""
    modules = dict.fromkeys(event.__module__ for event in _events_of(service))
    return _docs(modules) or f"What {service} says of its own log."


def _events_of(service: str) -> list[type[events.Event]]:
    return [event for event in registry.EVENTS if registry.source_of(service) == event.SOURCE]


def _on(channel: str) -> list[type[events.Event]]:
    """Everything that is ever said on the channel. Of the notices, those about a replay are between two services."""
    service, _, kind = channel.partition(".")
    is_direct = kind == "direct"
    notices = [notice for notice in registry.NOTICES if (notice.aggregate() == "replay") == is_direct]
    return [*([] if is_direct else _events_of(service)), *notices]


def _says() -> Told:
    speaking = [(service, channel) for channel in _channels() for service in topology.speakers(channel)]
    speaking.sort(key=lambda pair: topology.SERVICES.index(pair[0]))
    return {
        f"{service}.says.{channel}": _operation("send", service, channel, _on(channel), {"summary": f"{service} says"})
        for service, channel in speaking
    }


def _hears(service: str) -> Told:
    """What the running service subscribes to, and the notices, which every service heeds."""
    operations = {}
    for queue in topology.queues(service):
        for channel in queue.exchanges:
            heard = [event for event in _on(channel) if issubclass(event, log.Notice) or event in subscriptions.table()]
            about = {"summary": f"{service} hears, from its queue {queue.name}", "description": _purpose(heard)}
            operations[_hearing(service, channel)] = _operation("receive", service, channel, heard, about)
    return operations


def _hearing(service: str, channel: str) -> str:
    return f"{service}.hears.{channel}"


def _operation(action: str, service: str, channel: str, messages: list[type[events.Event]], about: Told) -> Told:
    place = f"#/channels/{channel}"
    return {
        "action": action,
        "channel": {"$ref": place},
        **{name: text for name, text in about.items() if text},
        "tags": _tags(service),
        "messages": [{"$ref": f"{place}/messages/{_key(event)}"} for event in messages],
    }


def _purpose(heard: Iterable[type[events.Event]]) -> str:
    """What the modules of the handlers say that they are for."""
    handlers = [inspect.unwrap(handler) for event in heard for handler in subscriptions.handlers_of(event)]
    return _docs(dict.fromkeys(handler.__module__ for handler in handlers))


def _docs(modules: Iterable[str]) -> str:
    return " ".join(inspect.getdoc(sys.modules[module]) or "" for module in modules)


def _tags(service: str) -> list[Told]:
    return [{"name": service}]


def _key(event: type[events.Event]) -> str:
    return f"{event.TYPE}.{event.SCHEMA}"


def _message(event: type[events.Event]) -> Told:
    summary, _, description = inspect.cleandoc(vars(event).get("__doc__") or "").partition("\n\n")
    return {
        "name": event.TYPE,
        "title": event.__name__,
        "summary": summary,
        **({"description": description} if description else {}),
        "contentType": envelope.CONTENT_TYPE,
        "payload": {"allOf": [{"$ref": "#/components/schemas/Envelope"}, _particulars(event)]},
        "examples": [{"payload": _example(event, specimen)} for specimen in specimens.of(event)],
    }


def _particulars(event: type[events.Event]) -> Told:
    """What is always the same in the envelopes of the event, and which of the optional attributes it has."""
    names = {"source": event.SOURCE, "type": event.TYPE, "dataschema": envelope.schema_urn(event)}
    always = () if issubclass(event, log.Notice) else ("position",)
    versioned = ("aggregateversion",) if issubclass(event, events.StateEvent) else ()
    return {
        "type": "object",
        "properties": {
            **{name: {"const": value} for name, value in names.items() if value},
            "data": {"$ref": f"#/components/schemas/{event.__name__}"},
        },
        "required": ["data", *always, *versioned],
    }


def _example(event: type[events.Event], specimen: specimens.Specimen) -> Told:
    data = json.dumps(specimen.data).encode()
    said = events.from_data(event, data)
    wrapped = envelope.Envelope(
        id=_EVENT_ID,
        source=event.SOURCE or registry.source_of("tickets"),
        type=event.TYPE,
        subject=said.subject,
        time=_MONDAY,
        dataschema=envelope.schema_urn(event),
        logepoch=1,
        position=None if issubclass(event, log.Notice) else 70,
        aggregateversion=said.aggregate_version,
        data=msgspec.Raw(data),
    )
    members: Told = json.loads(envelope.encode(wrapped))
    return members


def _schemas() -> Told:
    """Those of the events' data and of the envelope, by the names of their classes."""
    _, schemas = msgspec.json.schema_components(
        [envelope.Envelope, *registry.TYPES], ref_template="#/components/schemas/{name}"
    )
    # msgspec leaves out of `required` what has a default; these two are written in every envelope all the same.
    schemas["Envelope"]["required"] += ["specversion", "datacontenttype"]
    for schema in schemas.values():
        if "description" in schema:  # Python 3.13 takes the indentation out of docstrings, earlier ones leave it in
            schema["description"] = inspect.cleandoc(schema["description"])
    return schemas

"""The envelope of an event on the wire: CloudEvents 1.0, JSON, structured mode.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

import datetime as dt
import uuid

import msgspec

from shared.contracts import events

CONTENT_TYPE = "application/cloudevents+json"
_SCHEMA_PREFIX = "urn:admit-one:event:"


class Malformed(ValueError):
    """The bytes are not an envelope of ours."""


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event and where it stands in its producer's log.

    `position` is contiguous within (`source`, `logepoch`); a notice stands in no log and has none. `data` is the
    event's members as raw JSON: it is only decoded where somebody subscribes to this `type` and schema.
    """

    id: uuid.UUID
    source: str
    type: str
    subject: str
    time: dt.datetime
    dataschema: str
    logepoch: int
    data: msgspec.Raw
    position: int | None = None
    aggregateversion: int | None = None
    traceparent: str | None = None
    requestid: str | None = None
    specversion: str = msgspec.field(default="1.0")
    datacontenttype: str = msgspec.field(default="application/json")

    @property
    def schema(self) -> int:
        """The schema version named by `dataschema`; 0, which nobody subscribes to, where it names none of ours."""
        name, _, version = self.dataschema.removeprefix(_SCHEMA_PREFIX).rpartition(":")
        is_number = version.isascii() and version.isdigit() and len(version) < 10
        return int(version) if name == self.type and is_number else 0


def encode(envelope: Envelope) -> bytes:
    """The envelope as UTF-8 JSON, the required attributes always present."""
    members = msgspec.structs.asdict(envelope)
    return msgspec.json.encode({name: value for name, value in members.items() if value is not None})


def decode(body: bytes) -> Envelope:
    """Read an envelope, ignoring attributes it does not know. Raises `Malformed`."""
    try:
        envelope = msgspec.json.decode(body, type=Envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(str(error)) from error
    if envelope.specversion != "1.0":
        raise Malformed(f"specversion is {envelope.specversion!r}, not '1.0'")
    return envelope


def schema_urn(event_type: type[events.Event]) -> str:
    """The name of the schema of an event's data, for `dataschema`."""
    return f"{_SCHEMA_PREFIX}{event_type.TYPE}:{event_type.SCHEMA}"

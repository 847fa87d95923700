"""What is personal in the events, and an event without it. Only auth's carry any (contract §5, rule 7)."""

from collections.abc import Mapping

import msgspec

from shared.contracts import envelope as envelopes
from shared.contracts import registry

CLOSED = "closed"
"""The status of an aggregate whose personal members are erased, and stay so."""

PERSONAL: Mapping[str, Mapping[str, object]] = {"user": {"email": None, "redacted": True}}
"""By aggregate: what takes the place of these members once it is closed."""


def aggregate_of(envelope: envelopes.Envelope) -> str:
    """The noun before the dot: `user` of `user.banned`."""
    return envelope.type.partition(".")[0]


def redacted(envelope: envelopes.Envelope) -> envelopes.Envelope:
    """The event without what is personal, and without whatever this release does not know: that might be, too.

    Its id, type and position stay, and so does all that is needed to apply it. For an aggregate of `PERSONAL`.
    """
    event_type = registry.find(envelope.type, envelope.schema)
    known = {field.encode_name for field in msgspec.structs.fields(event_type)} if event_type else set()
    told = msgspec.json.decode(envelope.data)
    kept = {name: value for name, value in told.items() if name in known} if isinstance(told, dict) else {}
    data = msgspec.json.encode({**kept, **PERSONAL[aggregate_of(envelope)]})
    return msgspec.structs.replace(envelope, data=msgspec.Raw(data))

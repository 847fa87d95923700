"""Identifiers: UUIDv7 (RFC 9562), which sort by the time they were made."""

import uuid

import uuid_utils.compat


def new() -> uuid.UUID:
    """A fresh UUIDv7. Never a clock or a cursor across processes: only roughly ordered."""
    return uuid_utils.compat.uuid7()

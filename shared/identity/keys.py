"""Fetching auth's public keys (RFC 7517) in the background; nothing is ever fetched while a request waits."""

import json
import logging
import threading
import time
from typing import Any

import httpx
from django import db
from django.conf import settings
from django.db import transaction
from joserfc import errors, jwk

from shared.http import calls
from shared.identity import copies, metrics, models

LOOK_EVERY = 0.25  # seconds
FETCH_EVERY = 300.0  # seconds
RETRY_AFTER = (0.25, 0.5, 1.0, 2.0, 5.0)  # seconds
TIMEOUT = httpx.Timeout(3.0)
MAX_BYTES = 64 * 1024

# Whatever a wrong address or a wrong answer makes of it, nesting deeper than Python's stack included.
_UNUSABLE = (
    httpx.HTTPError, httpx.InvalidURL, errors.JoseError, ValueError, LookupError, TypeError, AttributeError,
    RecursionError,
)  # fmt: skip

logger = logging.getLogger(__name__)


class KeysUnavailable(Exception):
    """The set could not be fetched or is not one of ours; the keys that are held go on counting."""


def refresh_forever(stop: threading.Event) -> None:
    """Fetch the key set at start, every five minutes, and whenever auth says that it has changed."""
    # Named before either happens: a count that first appears as 1 is no increase to whoever watches.
    succeeded, failed = map(metrics.key_fetches.labels, ("succeeded", "failed"))
    failures, due = 0, time.monotonic()
    while not stop.wait(LOOK_EVERY):
        try:
            wanted, fetched = copies.keys_wanted()
            if time.monotonic() < due and not (wanted > fetched and failures == 0):
                continue
            refresh()
            succeeded.inc()
            failures, due = 0, time.monotonic() + FETCH_EVERY
        except (KeysUnavailable, db.Error) as error:
            failed.inc()
            due = time.monotonic() + RETRY_AFTER[min(failures, len(RETRY_AFTER) - 1)]
            failures += 1
            logger.warning("the signing keys could not be fetched: %s", error)
        finally:
            db.close_old_connections()


def refresh() -> None:
    """Fetch the key set once and keep it. Raises KeysUnavailable."""
    wanted, _ = copies.keys_wanted()
    keys = fetch(settings.JWKS_URL)
    with transaction.atomic():
        if keys != held():
            copies.keep_keys(keys)
        copies.keys_fetched(wanted)


def held() -> dict[str, dict[str, Any]]:
    """The keys that count, by kid."""
    return {key.kid: key.jwk for key in models.PublicKey.objects.filter(retired=False) if key.jwk is not None}


def fetch(url: str) -> dict[str, dict[str, Any]]:
    """The public keys at `url`, by kid. Raises KeysUnavailable, also for a set without a usable key."""
    try:
        found = {str(key["kid"]): public(key) for key in json.loads(_get(url))["keys"]}
    except _UNUSABLE as error:
        raise KeysUnavailable(f"{url}: {error!r}") from error
    if not found:
        raise KeysUnavailable(f"{url}: an empty set")
    return found


def _get(url: str) -> bytes:
    with (
        calls.call("GET", url) as call,
        httpx.Client(timeout=TIMEOUT, trust_env=False) as client,
        client.stream("GET", url, headers=call.headers) as response,
    ):
        call.answered(response).raise_for_status()
        return b"".join(_bounded(response))


def public(key: dict[str, Any]) -> dict[str, Any]:
    """The members of an ES256 public key that we keep. Raises ValueError or JoseError where it is none."""
    if key.get("kty") != "EC" or key.get("crv") != "P-256" or key.get("alg") != "ES256" or "d" in key:
        raise ValueError("not a public ES256 key")
    kept = {name: key[name] for name in ("kty", "crv", "x", "y", "kid", "alg")} | {"use": "sig"}
    jwk.ECKey.import_key(kept)
    return kept


def _bounded(response: httpx.Response) -> Any:
    size = 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > MAX_BYTES:
            raise ValueError("too large")
        yield chunk

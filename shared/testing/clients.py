"""Clients of the gateway that behave as the contract tells them to."""

import uuid
from typing import Any

import httpx

_TRIES = 3


class RepeatingClient(httpx.Client):
    """Asks again where a connection broke before there was an answer, with the same Idempotency-Key.

    A server that goes away may close a connection on which a request is just on its way; nobody can tell whether it
    was read. `repeated` counts how often that was. Raises httpx.TransportError when it happens three times in a row.
    """

    repeated = 0

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        if request.method == "POST":
            request.headers.setdefault("Idempotency-Key", str(uuid.uuid4()))
        for _ in range(_TRIES - 1):
            try:
                return super().send(request, **options)
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                self.repeated += 1
        return super().send(request, **options)

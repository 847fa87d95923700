import httpx
import pytest

from shared.testing import clients


class Fragile(httpx.BaseTransport):
    """Breaks so many connections before it answers."""

    def __init__(self, breaks):
        self.breaks, self.keys = breaks, []

    def handle_request(self, request):
        self.keys.append(request.headers.get("Idempotency-Key"))
        if len(self.keys) <= self.breaks:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return httpx.Response(201, content=request.read())


def test_what_was_lost_is_asked_again_with_the_same_key():
    line = Fragile(breaks=2)
    with clients.RepeatingClient(base_url="http://market", transport=line) as client:
        answer = client.post("/api/tickets", json={"title": "Hamlet"})
        client.post("/api/tickets")
        client.get("/api/tickets")

    assert answer.json() == {"title": "Hamlet"}
    first, second, third, other, none = line.keys
    assert first == second == third != other
    assert other is not None
    assert none is None
    assert client.repeated == 2


def test_what_is_lost_again_and_again_is_an_error():
    line = Fragile(breaks=9)
    with (
        clients.RepeatingClient(base_url="http://market", transport=line) as client,
        pytest.raises(httpx.TransportError),
    ):
        client.get("/")

    assert len(line.keys) == 3

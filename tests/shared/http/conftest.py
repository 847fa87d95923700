import json

import pytest
from django.test import Client

from shared import ids
from shared.testing import identity
from tests.shared.http.playhouse import views


@pytest.fixture(autouse=True)
def _playhouse(settings):
    settings.ROOT_URLCONF = "tests.shared.http.urls"


@pytest.fixture(scope="session")
def issuer():
    return identity.Issuer()


@pytest.fixture
def script(monkeypatch):
    """What the action does besides its effect: `script.after = …`; as before once the test is over."""
    written = views.Script()
    monkeypatch.setattr(views, "script", written)
    return written


class Caller:
    """Somebody with a bearer token (or, without an issuer, nobody) who speaks JSON."""

    def __init__(self, issuer=None):
        self.user_id = ids.new()
        self.headers = issuer.bearer(user_id=self.user_id) if issuer else {}
        self.client = Client(raise_request_exception=False)

    def get(self, path, **headers):
        return self.client.get(path, headers=self.headers | headers)

    def post(self, path, body, *, content_type="application/json", **headers):
        content = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.client.post(path, content, content_type=content_type, headers=self.headers | headers)

    def put(self, path, body=None, **headers):
        return self.client.put(path, json.dumps(body or {}), "application/json", headers=self.headers | headers)


@pytest.fixture
def held(issuer):
    """The verifier believes `issuer`."""
    with identity.held(issuer):
        yield issuer


@pytest.fixture
def hamlet(held):
    return Caller(held)


@pytest.fixture
def ophelia(held):
    return Caller(held)


@pytest.fixture
def nobody(held):
    return Caller()

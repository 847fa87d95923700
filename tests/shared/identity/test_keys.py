"""Fetching keys, from a real web server that answers what it is told to."""

import contextlib
import http.server
import json
import threading

import pytest
from django.test import Client

from shared.contracts import users
from shared.identity import copies, handlers, keys, readiness
from shared.testing import identity, measures, waiting
from tests.shared.identity import people


class Auth:
    """Auth's key set, as a test wants it."""

    def __init__(self, *issuers):
        self.status, self.asked = 200, 0
        self.holds(*issuers)

    def holds(self, *issuers):
        self.says({"keys": [issuer.public for issuer in issuers]})

    def says(self, content):
        self.body = content if isinstance(content, bytes) else json.dumps(content).encode()


@contextlib.contextmanager
def listening(auth):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            auth.asked += 1
            self.send_response(auth.status)
            if auth.status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(auth.body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # the fetch of something too large hangs up
                self.wfile.write(auth.body)

        def log_message(self, *_):
            """Nothing to standard error."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/.well-known/jwks.json"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def auth(issuer, settings):
    auth = Auth(issuer)
    with listening(auth) as url:
        settings.JWKS_URL = url
        yield auth


@pytest.mark.django_db
class TestRefresh:
    def test_keeps_what_auth_publishes(self, auth, issuer):
        keys.refresh()

        assert keys.held() == {issuer.kid: keys.public(issuer.public)}
        assert readiness.keys_held() is None

    def test_answers_the_requests_made_before(self, auth):
        copies.want_keys()

        keys.refresh()

        wanted, fetched = copies.keys_wanted()
        assert wanted == fetched

    def test_takes_a_new_key_and_drops_one_that_is_gone(self, auth, issuer):
        keys.refresh()
        auth.holds(identity.Issuer("laertes"))

        keys.refresh()

        assert set(keys.held()) == {"laertes"}

    def test_never_brings_a_retired_key_back(self, auth, issuer):
        handlers.signing_key_retired(users.SigningKeyRetired(kid=issuer.kid), now=people.NOW)

        keys.refresh()

        assert keys.held() == {}

    @pytest.mark.parametrize(
        "content",
        [b"", b"{", b"[]", b"null", b'{"keys": []}', b'{"keys": {}}', b'{"keys": [1]}', b'{"keys": [{}]}',
         b'{"keys": null}', b"<html>", b"\xff", b"[" * 30000, b'{"keys": [' + b" " * 70000 + b"]}"],
    )  # fmt: skip
    def test_goes_on_with_the_keys_it_has_when_the_answer_is_none(self, auth, issuer, content):
        keys.refresh()
        auth.says(content)

        with pytest.raises(keys.KeysUnavailable):
            keys.refresh()

        assert set(keys.held()) == {issuer.kid}

    @pytest.mark.parametrize("status", [302, 404, 500, 503])
    def test_and_when_it_is_an_error_or_a_redirect(self, auth, issuer, status):
        keys.refresh()
        auth.status = status

        with pytest.raises(keys.KeysUnavailable):
            keys.refresh()

        assert set(keys.held()) == {issuer.kid}
        assert auth.asked == 2

    def test_and_when_nobody_answers(self, issuer, settings):
        copies.keep_keys({issuer.kid: issuer.public})
        settings.JWKS_URL = "http://127.0.0.1:9/"

        with pytest.raises(keys.KeysUnavailable):
            keys.refresh()

        assert set(keys.held()) == {issuer.kid}

    @pytest.mark.parametrize(
        "change",
        [{"kty": "oct", "k": "c2VjcmV0"}, {"alg": "HS256"}, {"crv": "P-384"}, {"x": "AAAA"}, {"d": "AAAA"}],
        ids=["symmetric", "another algorithm", "another curve", "off the curve", "private"],
    )
    def test_takes_no_other_kind_of_key(self, auth, issuer, change):
        auth.says({"keys": [{**issuer.public, **change}]})

        with pytest.raises(keys.KeysUnavailable):
            keys.refresh()

        assert keys.held() == {}


@contextlib.contextmanager
def in_background():
    stop = threading.Event()
    thread = threading.Thread(target=keys.refresh_forever, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=10)


@pytest.mark.django_db(transaction=True)
class TestRefreshForever:
    def test_fetches_at_start(self, auth, issuer):
        with in_background():
            waiting.until(lambda: set(keys.held()) == {issuer.kid})

    def test_tries_again_until_auth_answers(self, auth, issuer):
        auth.status = 503
        with in_background():
            waiting.until(lambda: auth.asked > 1)
            auth.status = 200
            waiting.until(lambda: set(keys.held()) == {issuer.kid})

    def test_fetches_again_when_auth_says_that_the_set_has_changed(self, auth, issuer):
        with in_background():
            waiting.until(lambda: keys.held())
            auth.holds(issuer, identity.Issuer("laertes"))
            handlers.signing_key_published(users.SigningKeyPublished(kid="laertes"), now=people.NOW)
            waiting.until(lambda: set(keys.held()) == {issuer.kid, "laertes"})

    def test_asks_no_oftener_than_that(self, auth):
        with in_background():
            waiting.until(lambda: keys.held())
            handlers.signing_key_published(users.SigningKeyPublished(kid="laertes"), now=people.NOW)
            waiting.until(lambda: auth.asked == 2)

        assert auth.asked == 2

    @pytest.mark.urls("tests.shared.identity.urls")
    def test_is_not_moved_by_tokens_of_keys_that_nobody_knows(self, auth, issuer):
        strangers = [identity.Issuer(f"stranger-{number}") for number in range(30)]
        with in_background():
            waiting.until(lambda: keys.held())
            asked, wanted = auth.asked, copies.keys_wanted()
            with identity.held(issuer):
                answers = {Client().get("/users", headers=stranger.bearer()).status_code for stranger in strangers}

        assert answers == {401}
        assert (auth.asked, copies.keys_wanted()) == (asked, wanted) == (1, (0, 0))

    def test_is_counted_by_what_comes_of_it(self, auth):
        succeeded, failed = (
            measures.moving("identity_key_fetches_total", outcome=outcome) for outcome in ("succeeded", "failed")
        )
        auth.status = 503
        with in_background():
            waiting.until(lambda: failed() == auth.asked > 0)
            assert succeeded() == 0
            auth.status = 200
            waiting.until(lambda: succeeded() == 1)

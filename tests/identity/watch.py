"""Looking at one person from everywhere at once."""

import concurrent.futures
import time

from shared.messaging import topology
from shared.testing import waiting

HTTP_COOKIES = ("access_token", "refresh_token")
HTTPS_COOKIES = ("__Host-access_token", "__Secure-refresh_token")

APIS = ("/api/tickets", "/api/orders", "/api/payments")
ADMINS = tuple(f"/admin/{service}/" for service in topology.SERVICES)
SOON = 20.0
AWAY = {"local": 200, "introspect": 503, "gateway": 503}
"""With auth away: what somebody who is signed in is answered, by strategy."""
REFUSED = {"local": 401, "introspect": 503, "gateway": 503}
"""And somebody who was banned: refused by all, as one whom nobody can judge by those that have to ask auth."""


class Places:
    """What each place answers to a token. An API to be called by anyone refuses an invalid bearer all the same."""

    ALL = (*APIS, *ADMINS)

    def __init__(self, market, names):
        self._client, self._names = market.client(), names
        self._pool = concurrent.futures.ThreadPoolExecutor(len(self.ALL))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._pool.shutdown()
        self._client.close()

    def token(self, person):
        """The access token that this person's browser holds."""
        return person.http.cookies[self._names[0]]

    def statuses(self, token, paths=ALL):
        """By path."""
        bearer = {"Authorization": f"Bearer {token}"}
        answers = self._pool.map(lambda path: self._client.get(path, headers=bearer).status_code, paths)
        return dict(zip(paths, answers, strict=True))

    def wait_until_refused(self, token):
        """Seconds until each place has answered 401, by path; each is asked again and again, whatever the others do."""
        began = time.monotonic()
        took = self._pool.map(lambda path: self._refused_after(path, token, began), self.ALL)
        return dict(zip(self.ALL, took, strict=True))

    def _refused_after(self, path, token, began):
        bearer = {"Authorization": f"Bearer {token}"}
        waiting.until(
            lambda: self._client.get(path, headers=bearer).status_code == 401,
            seconds=SOON,
            every=0.005,
            what=f"{path} to refuse the token",
        )
        return time.monotonic() - began

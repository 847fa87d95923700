"""Being somebody in a test: an issuer of tokens that the verifier of this process believes."""

import contextlib
import datetime as dt
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.conf import settings
from django.test import Client
from joserfc import jwk, jwt

from shared import ids
from shared.identity import models, state, tokens


class Issuer:
    """Signs access tokens as auth does, with a key pair of its own."""

    def __init__(self, kid: str = "hamlet") -> None:
        self.kid = kid
        self.key = jwk.ECKey.generate_key("P-256", private=True)

    @property
    def public(self) -> dict[str, Any]:
        """The public JWK."""
        members: dict[str, Any] = self.key.as_dict(private=False)
        return {**members, "kid": self.kid, "alg": "ES256", "use": "sig"}

    def claims(
        self,
        *,
        user_id: uuid.UUID | None = None,
        session_id: uuid.UUID | None = None,
        email: str | None = "ophelia@example.com",
        roles: Sequence[str] = (),
        issued_at: dt.datetime | None = None,
        **others: Any,
    ) -> dict[str, Any]:
        """The claims of a good token issued now; `others` are added or put in their place."""
        moment = (issued_at or dt.datetime.now(dt.UTC)).timestamp()
        return {
            "iss": settings.TOKEN_ISSUER,
            "aud": settings.TOKEN_AUDIENCE,
            "sub": str(user_id or ids.new()),
            "sid": str(session_id or ids.new()),
            "jti": ids.new().hex,
            "iat": moment,
            "exp": int(moment) + 600,
            "email": email,
            "roles": list(roles),
            **others,
        }

    def token(self, **claims: Any) -> str:
        """An access token; the arguments are those of `claims`."""
        return self.sign(self.claims(**claims))

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """Whatever claims and header a test wants, genuinely signed."""
        headers = {"alg": "ES256", "kid": self.kid, "typ": tokens.TYPE, **header}
        return jwt.encode({k: v for k, v in headers.items() if v is not None}, claims, self.key)

    def bearer(self, **claims: Any) -> dict[str, str]:
        """The argument of a test client's request: `client.get(path, headers=issuer.bearer(user_id=…))`."""
        return {"Authorization": f"Bearer {self.token(**claims)}"}

    def sign_in(self, client: Client, **claims: Any) -> None:
        """Give `client` the access cookie of such a token."""
        client.cookies["access_token"] = self.token(**claims)


class Held(state.Source):
    """A state that lives in memory: the keys of `issuers`, and whatever a test revokes."""

    def __init__(self, *issuers: Issuer, banned: Iterable[uuid.UUID] = ()) -> None:
        self._snapshot = state.Snapshot(
            keys={issuer.kid: jwk.ECKey.import_key(issuer.public) for issuer in issuers},
            revoked=frozenset(),
            invalidated=dict.fromkeys(banned, (False, models.ALWAYS)),
        )

    def current(self) -> state.Snapshot:
        return self._snapshot


@contextlib.contextmanager
def held(*issuers: Issuer, banned: Iterable[uuid.UUID] = ()) -> Iterator[None]:
    """Let the verifier believe `issuers`, without the thread that reads the database."""
    with state.reading_from(Held(*issuers, banned=banned)):
        yield

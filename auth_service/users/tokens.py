"""Issuing access tokens: simplejwt writes them, with the key, the `kid` and the `typ` that RFC 9068 asks for."""

import base64
import datetime as dt
import functools
import secrets
import uuid
from typing import Any

import jwt
from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from joserfc import jwk
from rest_framework_simplejwt import backends
from rest_framework_simplejwt import tokens as simplejwt

from auth_service.users import models
from shared import errors
from shared.identity import tokens


class NoSigningKey(errors.Unavailable):
    detail = "There is no key to sign with yet."


class Backend(backends.TokenBackend):
    """simplejwt's backend, which knows neither `kid` nor any `typ` but JWT."""

    def __init__(self, kid: str, private_key: str) -> None:
        super().__init__(tokens.ALGORITHM, private_key, audience=settings.TOKEN_AUDIENCE, issuer=settings.TOKEN_ISSUER)
        self._kid = kid

    def encode(self, payload: dict[str, Any]) -> str:
        return self.sign({**payload, "aud": self.audience}, type_=tokens.TYPE)

    def sign(self, claims: dict[str, Any], *, type_: str) -> str:
        """Whatever we say, as ours."""
        headers = {"kid": self._kid, "typ": type_}
        signed = {**claims, "iss": self.issuer}
        return jwt.encode(signed, self.prepared_signing_key, algorithm=self.algorithm, headers=headers)


def issue(*, user: models.User, session: models.Session, now: dt.datetime) -> str:
    """An access token for `user` in `session`. Raises NoSigningKey."""
    token = simplejwt.AccessToken()
    token._token_backend = _signer()
    del token["token_type"]  # the `typ` header says it
    token.set_exp(from_time=now, lifetime=tokens.life())
    # With its fraction: a token issued in the second of a ban but after it must not count as earlier.
    token["iat"] = now.timestamp()
    token["sub"], token["sid"] = str(user.pk), str(session.pk)
    token["email"], token["roles"] = user.email, user.roles
    return str(token)


def vouch(*, user: models.User, session_id: uuid.UUID, service: str, now: dt.datetime) -> str:
    """An assertion that `service` is asked by `user`, in that session, at this moment. Raises NoSigningKey."""
    profile = tokens.assertion(service)
    claims = {
        "aud": profile.audience,
        "sub": str(user.pk),
        "sid": str(session_id),
        "jti": uuid.uuid4().hex,
        "iat": now.timestamp(),
        "exp": int((now + profile.life).timestamp()),
        "email": user.email,
        "roles": user.roles,
    }
    return _signer().sign(claims, type_=profile.type)


def make_key(*, now: dt.datetime) -> models.SigningKey:
    """Make and store a key pair, which signs nothing yet."""
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    kid = secrets.token_hex(12)  # hexadecimal: one that began with a dash would be an option to a command line
    public: dict[str, Any] = jwk.ECKey.import_key(pem).as_dict(private=False)
    members = {"kty": "EC", "crv": public["crv"], "x": public["x"], "y": public["y"]}
    return models.SigningKey.objects.create(
        kid=kid,
        jwk={**members, "kid": kid, "alg": tokens.ALGORITHM, "use": "sig"},
        sealed=_seal().encrypt(pem),
        created_at=now,
    )


def _signer() -> Backend:
    key = models.SigningKey.current()
    if key is None:
        raise NoSigningKey
    return _backend(key.kid, bytes(key.sealed))


@functools.lru_cache(maxsize=8)
def _backend(kid: str, sealed: bytes) -> Backend:
    return Backend(kid, _seal().decrypt(sealed).decode())


def _seal() -> MultiFernet:
    """Seals with the present secret, and opens what the one before it has sealed."""
    secrets_in_use = filter(None, (settings.SIGNING_SECRET, settings.SIGNING_SECRET_OLD))
    return MultiFernet([_fernet(secret) for secret in secrets_in_use])


def _fernet(secret: str) -> Fernet:
    derived = HKDF(hashes.SHA256(), length=32, salt=None, info=b"signing keys at rest").derive(secret.encode())
    return Fernet(base64.urlsafe_b64encode(derived))

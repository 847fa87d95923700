"""The catalogue of access tokens that nobody may believe, each made from what a good one of an issuer would be.

A suite of one service asks for all of them:

    @attacks.every_attack
    def test_is_refused(attack, issuer):
        attacks.demand_refusal(attack(issuer), "/api/orders")
"""

import base64
import hmac
import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from django.test import Client
from joserfc import jwe, jwk, jwt

from shared.identity import tokens
from shared.testing import callers, identity

Attack = Callable[[identity.Issuer], str]

_HAMLET = uuid.UUID("0189abcd-0000-7000-8000-000000000001")
_ELSEWHERE = "https://evil.example"


def b64(content: bytes) -> str:
    """base64url without padding, as all parts of a token are (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def header(issuer: identity.Issuer, **change: Any) -> dict[str, Any]:
    """The header of a good token, changed."""
    return {"alg": tokens.ALGORITHM, "kid": issuer.kid, "typ": tokens.TYPE, **change}


def payload(issuer: identity.Issuer, **change: Any) -> bytes:
    """The claims of a good token, changed; those that are None are left out."""
    claims = {**issuer.claims(), **change}
    return json.dumps({name: value for name, value in claims.items() if value is not None}).encode()


def signing_input(first: dict[str, Any] | bytes, second: bytes) -> str:
    return f"{b64(first if isinstance(first, bytes) else json.dumps(first).encode())}.{b64(second)}"


def signed(issuer: identity.Issuer, first: dict[str, Any] | bytes, second: bytes) -> str:
    """Those bytes, genuinely signed by `issuer`, whatever a library would think of them."""
    text = signing_input(first, second)
    r, s = decode_dss_signature(_sign(issuer, text))
    return f"{text}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def demand_refusal(token: str, path: str, *, method: str = "POST") -> None:
    """Raises AssertionError where a service takes `token`, as cookie or as bearer, for more than nobody's, or stumbles.

    `path` has to be one where a user is needed.
    """
    answer = by_bearer(token, path, method=method)
    assert callers.code(answer, 401) == "invalid_token"
    assert 'error="invalid_token"' in answer["WWW-Authenticate"]
    assert callers.code(by_cookie(token, path, method=method), 401) == "not_authenticated"


def demand_belief(token: str, path: str, *, method: str = "POST") -> None:
    """The control: a token that is good has another answer than 401, whatever it is, both ways."""
    assert by_bearer(token, path, method=method).status_code != 401
    assert by_cookie(token, path, method=method).status_code != 401


def by_bearer(token: str, path: str, *, method: str) -> Any:
    return _ask(path, method, Authorization=f"Bearer {_on_the_wire(token)}")


def by_cookie(token: str, path: str, *, method: str) -> Any:
    return _ask(path, method, Cookie=f"access_token={_on_the_wire(token)}")


def _ask(path: str, method: str, **headers: str) -> Any:
    client = Client(raise_request_exception=False)  # a view that raises is a 500, as in production
    return client.generic(method, path, "{}", content_type="application/json", headers=headers)


def _on_the_wire(token: str) -> str:
    """The bytes of a header as WSGI hands them on."""
    return token.encode("utf-8", "surrogatepass").decode("latin-1")


def _sign(issuer: identity.Issuer, text: str) -> bytes:
    private = issuer.key.private_key
    assert private is not None
    return private.sign(text.encode(), ec.ECDSA(hashes.SHA256()))


def _with_header(**change: Any) -> Attack:
    return lambda issuer: signed(issuer, header(issuer, **change), payload(issuer))


def _without_header(name: str) -> Attack:
    def attack(issuer: identity.Issuer) -> str:
        rest = {key: value for key, value in header(issuer).items() if key != name}
        return signed(issuer, rest, payload(issuer))

    return attack


def _with_raw_header(first: bytes) -> Attack:
    return lambda issuer: signed(issuer, first.replace(b"KID", issuer.kid.encode()), payload(issuer))


def _with_claims(**change: Any) -> Attack:
    return lambda issuer: signed(issuer, header(issuer), payload(issuer, **change))


def _at(**seconds: int) -> Attack:
    """Claims that are so many seconds from now."""

    def attack(issuer: identity.Issuer) -> str:
        now = int(time.time())
        return _with_claims(**{name: now + offset for name, offset in seconds.items()})(issuer)

    return attack


def _with_payload(second: bytes) -> Attack:
    return lambda issuer: signed(issuer, header(issuer), second)


def _spoilt(spoil: Callable[[str], str]) -> Attack:
    return lambda issuer: spoil(issuer.token())


def _with_signature(signature: bytes) -> Attack:
    return lambda issuer: f"{signing_input(header(issuer), payload(issuer))}.{b64(signature)}"


def _hmac(secret: Callable[[identity.Issuer], bytes]) -> Attack:
    """Signed with what everybody knows, in the hope that the verifier takes its public key for a shared secret."""

    def attack(issuer: identity.Issuer) -> str:
        text = signing_input(header(issuer, alg="HS256"), payload(issuer))
        return f"{text}.{b64(hmac.digest(secret(issuer), text.encode(), 'sha256'))}"

    return attack


def _by_a_stranger(issuer: identity.Issuer) -> str:
    return identity.Issuer(issuer.kid).token()


def _with_the_strangers_key_inside(issuer: identity.Issuer) -> str:
    stranger = identity.Issuer(issuer.kid)
    return signed(stranger, header(stranger, jwk=stranger.public), payload(stranger))


def _with_more_rights(issuer: identity.Issuer) -> str:
    first, _, signature = issuer.token(roles=[]).split(".")
    return f"{first}.{b64(payload(issuer, roles=['admin']))}.{signature}"


def _signature_of_another(issuer: identity.Issuer) -> str:
    return f"{issuer.token().rpartition('.')[0]}.{issuer.token().rpartition('.')[2]}"


def _der_signature(issuer: identity.Issuer) -> str:
    text = signing_input(header(issuer), payload(issuer))
    return f"{text}.{b64(_sign(issuer, text))}"


def _claim_twice(issuer: identity.Issuer) -> str:
    return signed(issuer, header(issuer), payload(issuer)[:-1] + f', "sub": "{_HAMLET}"}}'.encode())


def _unsigned(issuer: identity.Issuer) -> str:
    return f"{signing_input(header(issuer, alg='none'), payload(issuer))}."


def _flattened(issuer: identity.Issuer) -> str:
    first, second, signature = issuer.token().split(".")
    return json.dumps({"protected": first, "payload": second, "signature": signature}, separators=(",", ":"))


def _general(issuer: identity.Issuer) -> str:
    first, second, signature = issuer.token().split(".")
    members = {"payload": second, "signatures": [{"protected": first, "signature": signature}]}
    return json.dumps(members, separators=(",", ":"))


def _encrypted(issuer: identity.Issuer) -> str:
    public = {name: value for name, value in issuer.public.items() if name in ("kty", "crv", "x", "y")}
    key = jwk.ECKey.import_key(public)
    return jwe.encrypt_compact({"alg": "ECDH-ES", "enc": "A128GCM"}, payload(issuer), key)


def _plain_jwt(issuer: identity.Issuer) -> str:
    """What simplejwt would have written."""
    return jwt.encode({"alg": tokens.ALGORITHM}, issuer.claims(token_type="access"), issuer.key)  # noqa: S106


def _refresh_token(issuer: identity.Issuer) -> str:
    return f"{_HAMLET.hex}.0.{b64(bytes(range(32)))}"


def _spare_bits(issuer: identity.Issuer) -> str:
    """The same signature in another spelling: 64 bytes leave four spare bits in the last character."""
    token = issuer.token()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


HEADERS: Mapping[str, Attack] = {
    "alg none": _with_header(alg="none"),
    "alg None": _with_header(alg="None"),
    "alg NONE": _with_header(alg="NONE"),
    "alg nOnE": _with_header(alg="nOnE"),
    "alg none, unsigned": _unsigned,
    "alg empty": _with_header(alg=""),
    "alg ES384": _with_header(alg="ES384"),
    "alg es256": _with_header(alg="es256"),
    "alg is a list": _with_header(alg=["ES256"]),
    "alg is null": _with_header(alg=None),
    "alg missing": _without_header("alg"),
    "HS256 with the public key in PEM": _hmac(lambda issuer: bytes(issuer.key.as_pem(private=False))),
    "HS256 with the public key as JSON": _hmac(lambda issuer: json.dumps(issuer.public).encode()),
    "HS256 with the public x": _hmac(lambda issuer: str(issuer.public["x"]).encode()),
    "HS256 with nothing": _hmac(lambda issuer: b""),
    "kid unknown": _with_header(kid="laertes"),
    "kid missing": _without_header("kid"),
    "kid is a path": _with_header(kid="../../etc/passwd"),
    "kid is SQL": _with_header(kid="' OR 1=1 --"),
    "kid is empty": _with_header(kid=""),
    "kid is null": _with_header(kid=None),
    "kid is a number": _with_header(kid=1),
    "kid is a list": lambda issuer: _with_header(kid=[issuer.kid])(issuer),
    "kid is an object": lambda issuer: _with_header(kid={issuer.kid: 1})(issuer),
    "kid is huge": _with_header(kid="h" * 65),
    "kid has NUL": lambda issuer: _with_header(kid=f"{issuer.kid}\x00")(issuer),
    "kid is not ASCII": _with_header(kid="hämlet"),
    "typ JWT": _with_header(typ="JWT"),
    "typ AT+JWT": _with_header(typ="AT+JWT"),
    "typ with application/": _with_header(typ="application/at+jwt"),
    "typ of the gateway's assertion": _with_header(typ="assertion+jwt"),
    "typ refresh": _with_header(typ="rt+jwt"),
    "typ missing": _without_header("typ"),
    "jwk header": lambda issuer: _with_header(jwk=issuer.public)(issuer),
    "jwk header of a stranger who signs": _with_the_strangers_key_inside,
    "jku header": _with_header(jku=f"{_ELSEWHERE}/jwks.json"),
    "x5u header": _with_header(x5u=f"{_ELSEWHERE}/cert"),
    "x5c header": _with_header(x5c=["MIIB"]),
    "crit header": _with_header(crit=["exp"]),
    "b64 header": _with_header(b64=False, crit=["b64"]),
    "cty header": _with_header(cty="JWT"),
    "zip header": _with_header(zip="DEF"),
    "alg twice": _with_raw_header(b'{"alg":"none","alg":"ES256","kid":"KID","typ":"at+jwt"}'),
    "header is a list": _with_raw_header(b"[]"),
    "header is a text": _with_raw_header(b'"ES256"'),
    "header is null": _with_raw_header(b"null"),
    "header is cut": _with_raw_header(b"{"),
    "header is no UTF-8": _with_raw_header(b"\xff\xfe"),
    "header is deep": _with_raw_header(b"[" * 1500),
    "header has a long number": _with_raw_header(b'{"alg":' + b"9" * 2000 + b"}"),
}

CLAIMS: Mapping[str, Attack] = {
    "iss of another": _with_claims(iss=_ELSEWHERE),
    "iss missing": _with_claims(iss=None),
    "aud of another": _with_claims(aud="somebody-else"),
    "aud is a list": _with_claims(aud=["admit-one", "somebody-else"]),
    "aud missing": _with_claims(aud=None),
    "expired": _at(iat=-700, exp=-35),
    "issued in the future": _at(iat=120, exp=500),
    "not valid yet": _at(nbf=120),
    "lives too long": _at(iat=0, exp=86400),
    "exp missing": _with_claims(exp=None),
    "exp is text": _with_claims(exp="4102444800"),
    "exp is true": _with_claims(exp=True),
    "exp is enormous": _with_claims(exp=10**40),
    "exp is beyond the calendar": _with_claims(iat=10**14, exp=10**14),
    "iat missing": _with_claims(iat=None),
    "nbf is text": _with_claims(nbf="now"),
    "sub missing": _with_claims(sub=None),
    "sub is no id": _with_claims(sub="hamlet"),
    "sub is an id in braces": _with_claims(sub=f"{{{_HAMLET}}}"),
    "sub is an id in capitals": _with_claims(sub=str(_HAMLET).upper()),
    "sub is an id without hyphens": _with_claims(sub=_HAMLET.hex),
    "sub is a list": _with_claims(sub=[str(_HAMLET)]),
    "sid missing": _with_claims(sid=None),
    "sid is SQL": _with_claims(sid="1' OR '1'='1"),
    "jti missing": _with_claims(jti=None),
    "roles are text": _with_claims(roles="admin"),
    "roles are numbers": _with_claims(roles=[1]),
    "roles missing": _with_claims(roles=None),
    "e-mail is an object": _with_claims(email={"admin": True}),
    "sub twice": _claim_twice,
    "payload is empty": _with_payload(b""),
    "payload is a list": _with_payload(b"[]"),
    "payload is a number": _with_payload(b"7"),
    "payload is no JSON": _with_payload(b"not json"),
    "payload has NaN": _with_payload(b'{"iss":NaN}'),
    "payload is no UTF-8": _with_payload(b"\xff"),
    "payload is deep": _with_payload(b"[" * 2000),
}

FORMS: Mapping[str, Attack] = {
    "signed by a stranger": _by_a_stranger,
    "signature of another token": _signature_of_another,
    "signature of zeros": _with_signature(bytes(64)),
    "signature in DER": _der_signature,
    "signature missing": _spoilt(lambda token: token.rpartition(".")[0] + "."),
    "signature and its dot missing": _spoilt(lambda token: token.rpartition(".")[0]),
    "signature twice": _spoilt(lambda token: f"{token}.{token.rpartition('.')[2]}"),
    "claims changed": _with_more_rights,
    "padding": _spoilt(lambda token: token + "=="),
    "padding of the header": _spoilt(lambda token: token.replace(".", "=.", 1)),
    "spare bits": _spare_bits,
    "cut": _spoilt(lambda token: token[:-1]),
    "dot at the end": _spoilt(lambda token: token + "."),
    "dot at the beginning": _spoilt(lambda token: "." + token),
    "two tokens": _spoilt(lambda token: f"{token}, {token}"),
    "capitals": _spoilt(str.upper),
    "not ASCII": _spoilt(lambda token: token.replace(".", "ä.", 1)),
    "half a surrogate": _spoilt(lambda token: token[:10] + "\ud800" + token[11:]),
    "NUL": _spoilt(lambda token: token[:10] + "\x00" + token[11:]),
    "JSON, flattened": _flattened,
    "JSON, general": _general,
    "encrypted": _encrypted,
    "plain JWT": _plain_jwt,
    "refresh token": _refresh_token,
    "oversized": lambda issuer: issuer.token(note="x" * tokens.MAX_BYTES),
    "no token": lambda issuer: "",
    "two dots": lambda issuer: "..",
    "three letters": lambda issuer: "a.b.c",
    "five thousand letters": lambda issuer: "A" * 5000,
}

CATALOGUE: Mapping[str, Attack] = {**HEADERS, **CLAIMS, **FORMS}

every_attack = pytest.mark.parametrize("attack", CATALOGUE.values(), ids=CATALOGUE.keys())

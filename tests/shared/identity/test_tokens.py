"""What the verifier believes, and the catalogue of what it must not."""

import base64
import datetime as dt
import hmac
import json
import uuid

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jwe, jwk, jwt

from shared.identity import tokens
from shared.testing import identity

ISSUER = identity.Issuer()
KEYS = {ISSUER.kid: jwk.ECKey.import_key(ISSUER.public)}
HAMLET = uuid.UUID("01890000-0000-7000-8000-000000000001")
NOW = dt.datetime.now(dt.UTC)


def verify(token, *, keys=KEYS, now=None):
    return tokens.verify(token, keys, now=now or dt.datetime.now(dt.UTC))


def b64(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def raw(header, payload, key=None):
    """Sign bytes as they are, whatever a library would think of them."""
    first = header if isinstance(header, bytes) else json.dumps(header).encode()
    signing_input = f"{b64(first)}.{b64(payload)}"
    private = (key or ISSUER.key).private_key
    r, s = decode_dss_signature(private.sign(signing_input.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signing_input}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


GOOD_HEADER = {"alg": "ES256", "kid": ISSUER.kid, "typ": "at+jwt"}


def good_payload(**claims):
    return json.dumps(ISSUER.claims(**claims)).encode()


class TestAGoodToken:
    def test_says_who_is_asking(self):
        session = uuid.UUID("01890000-0000-7000-8000-000000000002")

        found = verify(ISSUER.token(user_id=HAMLET, session_id=session, email="h@elsinore.dk", roles=["admin"]))

        assert (found.user_id, found.session_id) == (HAMLET, session)
        assert (found.email, found.roles) == ("h@elsinore.dk", ("admin",))

    def test_keeps_the_fraction_of_the_second_it_was_issued_in(self):
        moment = NOW.replace(microsecond=123456)

        assert verify(ISSUER.token(issued_at=moment)).issued_at == moment

    def test_signed_by_our_own_hand_is_believed_so_the_attacks_below_fail_for_their_own_reason(self):
        assert verify(raw(GOOD_HEADER, good_payload(user_id=HAMLET))).user_id == HAMLET

    @pytest.mark.parametrize("seconds", [-29, 29])
    def test_clocks_may_differ_by_less_than_the_leeway(self, seconds):
        token = ISSUER.token(issued_at=NOW, exp=int(NOW.timestamp()) + 1 if seconds > 0 else int(NOW.timestamp()) + 600)

        assert verify(token, now=NOW + dt.timedelta(seconds=seconds))


HEADERS = {
    "alg none": {"alg": "none"},
    "alg None": {"alg": "None"},
    "alg NONE": {"alg": "NONE"},
    "alg nOnE": {"alg": "nOnE"},
    "alg empty": {"alg": ""},
    "alg ES384": {"alg": "ES384"},
    "alg es256": {"alg": "es256"},
    "alg is a list": {"alg": ["ES256"]},
    "alg is null": {"alg": None},
    "unknown kid": {"kid": "laertes"},
    "kid is a path": {"kid": "../../etc/passwd"},
    "kid is SQL": {"kid": "' OR 1=1 --"},
    "kid is empty": {"kid": ""},
    "kid is a number": {"kid": 1},
    "kid is a list": {"kid": ["hamlet"]},
    "kid is an object": {"kid": {"hamlet": 1}},
    "kid is huge": {"kid": "h" * 65},
    "kid has NUL": {"kid": "hamlet\x00"},
    "typ JWT": {"typ": "JWT"},
    "typ AT+JWT": {"typ": "AT+JWT"},
    "typ with application/": {"typ": "application/at+jwt"},
    "typ of the gateway's assertion": {"typ": "assertion+jwt"},
    "typ refresh": {"typ": "rt+jwt"},
    "jwk header": {"jwk": ISSUER.public},
    "jku header": {"jku": "https://evil.example/jwks.json"},
    "x5u header": {"x5u": "https://evil.example/cert"},
    "x5c header": {"x5c": ["MIIB"]},
    "crit header": {"crit": ["exp"]},
    "b64 header": {"b64": False, "crit": ["b64"]},
    "cty header": {"cty": "JWT"},
    "zip header": {"zip": "DEF"},
}


class TestHeaders:
    @pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS.keys())
    def test_refuses_any_but_ours(self, change):
        with pytest.raises(tokens.InvalidToken):
            verify(raw({**GOOD_HEADER, **change}, good_payload()))

    @pytest.mark.parametrize("name", ["alg", "kid", "typ"])
    def test_refuses_one_that_lacks_a_member(self, name):
        header = {key: value for key, value in GOOD_HEADER.items() if key != name}

        with pytest.raises(tokens.InvalidToken):
            verify(raw(header, good_payload()))

    @pytest.mark.parametrize(
        "header",
        [
            b'{"alg":"none","alg":"ES256","kid":"hamlet","typ":"at+jwt"}',
            b"[]",
            b'"ES256"',
            b"null",
            b"{",
            b"\xff\xfe",
            b"[" * 1500,
            b'{"alg":' + b"9" * 2000 + b"}",
        ],
        ids=["duplicate", "list", "text", "null", "cut", "no utf-8", "deep", "long number"],
    )
    def test_refuses_what_is_no_object_of_ours(self, header):
        with pytest.raises(tokens.InvalidToken):
            verify(raw(header, good_payload()))

    def test_refuses_an_unsigned_token(self):
        with pytest.raises(tokens.InvalidToken):
            verify(f"{b64(json.dumps({**GOOD_HEADER, 'alg': 'none'}).encode())}.{b64(good_payload())}.")

    def test_refuses_hs256_with_the_public_key_as_its_secret(self):
        pem = ISSUER.key.as_pem(private=False)
        signing_input = f"{b64(json.dumps({**GOOD_HEADER, 'alg': 'HS256'}).encode())}.{b64(good_payload())}"
        signature = hmac.digest(pem, signing_input.encode(), "sha256")

        with pytest.raises(tokens.InvalidToken):
            verify(f"{signing_input}.{b64(signature)}")


NOW_S = int(NOW.timestamp())
CLAIMS = {
    "another issuer": {"iss": "http://evil.example"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "somebody-else"},
    "audience list": {"aud": ["admit-one", "somebody-else"]},
    "expired": {"iat": NOW_S - 700, "exp": NOW_S - 31},
    "issued in the future": {"iat": NOW_S + 120, "exp": NOW_S + 500},
    "not valid yet": {"nbf": NOW_S + 120},
    "lives too long": {"exp": NOW_S + 86400},
    "exp missing": {"exp": None},
    "iat missing": {"iat": None},
    "exp is text": {"exp": str(NOW_S + 600)},
    "exp is true": {"exp": True},
    "exp is enormous": {"exp": 10**40},
    "exp is beyond the calendar": {"iat": 10**14, "exp": 10**14},
    "nbf is text": {"nbf": "now"},
    "sub missing": {"sub": None},
    "sub is no id": {"sub": "hamlet"},
    "sub is an id in braces": {"sub": "{01890000-0000-7000-8000-000000000001}"},
    "sub is an id in capitals": {"sub": "0189ABCD-0000-7000-8000-000000000001"},
    "sub is an id without hyphens": {"sub": HAMLET.hex},
    "sub is a list": {"sub": [str(HAMLET)]},
    "sid missing": {"sid": None},
    "sid is no id": {"sid": "1' OR '1'='1"},
    "jti missing": {"jti": None},
    "roles are text": {"roles": "admin"},
    "roles are numbers": {"roles": [1]},
    "roles are missing": {"roles": None},
    "e-mail is an object": {"email": {"admin": True}},
}


class TestClaims:
    @pytest.mark.parametrize("change", CLAIMS.values(), ids=CLAIMS.keys())
    def test_refuses_any_but_ours(self, change):
        claims = {**ISSUER.claims(issued_at=NOW), **change}
        claims = {name: value for name, value in claims.items() if value is not None}

        with pytest.raises(tokens.InvalidToken):
            verify(raw(GOOD_HEADER, json.dumps(claims).encode()), now=NOW)

    @pytest.mark.parametrize(
        "payload",
        [b"", b"[]", b"7", b"not json", b'{"iss":NaN}', b"\xff", b"[" * 2000, b'{"sub":1,"sub":2}'],
    )
    def test_refuses_a_payload_that_is_no_object(self, payload):
        with pytest.raises(tokens.InvalidToken):
            verify(raw(GOOD_HEADER, payload))

    def test_refuses_a_member_that_stands_twice(self):
        twice = good_payload()[:-1] + f', "sub": "{HAMLET}"}}'.encode()

        with pytest.raises(tokens.InvalidToken):
            verify(raw(GOOD_HEADER, twice))


class TestForm:
    def test_refuses_a_signature_by_another_key(self):
        with pytest.raises(tokens.InvalidToken):
            verify(raw(GOOD_HEADER, good_payload(), key=identity.Issuer().key))

    def test_refuses_a_token_whose_claims_were_changed(self):
        head, _, signature = ISSUER.token(roles=[]).split(".")

        with pytest.raises(tokens.InvalidToken):
            verify(f"{head}.{b64(good_payload(roles=['admin']))}.{signature}")

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda token: token + "=",
            lambda token: token + "==",
            lambda token: token.replace(".", "=.", 1),
            lambda token: token + ".",
            lambda token: "." + token,
            lambda token: token + " ",
            lambda token: " " + token,
            lambda token: token + "\n",
            lambda token: token[:-1],
            lambda token: token.rpartition(".")[0],
            lambda token: token.rpartition(".")[0] + ".",
            lambda token: f"{token}.{token.rpartition('.')[2]}",
            lambda token: f"{token}, {token}",
            lambda token: token.replace(".", "ä.", 1),
            lambda token: token[:10] + "\x00" + token[11:],
            lambda token: token[:10] + "\ud800" + token[11:],
            lambda token: token.upper(),
            lambda token: json.dumps({"payload": token.split(".")[1], "signatures": []}),
            lambda token: "",
            lambda token: "..",
            lambda token: "a.b.c",
            lambda token: "A" * 5000,
        ],
    )
    def test_refuses_every_other_spelling(self, spoil):
        with pytest.raises(tokens.InvalidToken):
            verify(spoil(ISSUER.token()))

    def test_refuses_spare_bits_so_that_a_token_has_one_spelling(self):
        token = ISSUER.token()
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        other = token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]  # 64 bytes leave four spare bits

        assert base64.urlsafe_b64decode(other.split(".")[2] + "==") == base64.urlsafe_b64decode(
            token.split(".")[2] + "=="
        )
        with pytest.raises(tokens.InvalidToken):
            verify(other)

    def test_refuses_one_that_is_too_large(self):
        token = ISSUER.token(note="x" * 4096)

        with pytest.raises(tokens.InvalidToken):
            verify(token)

    def test_refuses_an_encrypted_token(self):
        header = {"alg": "ECDH-ES", "enc": "A128GCM"}
        public = {name: value for name, value in ISSUER.public.items() if name in ("kty", "crv", "x", "y")}
        token = jwe.encrypt_compact(header, good_payload(), jwk.ECKey.import_key(public))

        with pytest.raises(tokens.InvalidToken):
            verify(token)

    def test_refuses_everything_while_no_key_is_held(self):
        with pytest.raises(tokens.InvalidToken):
            verify(ISSUER.token(), keys={})

    def test_refuses_the_plain_jwt_that_simplejwt_would_have_written(self):
        token = jwt.encode({"alg": "ES256"}, ISSUER.claims(token_type="access"), ISSUER.key)

        with pytest.raises(tokens.InvalidToken):
            verify(token)

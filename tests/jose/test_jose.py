"""Another language's library reads our tokens and our key set, and makes tokens that our verifier judges."""

import base64
import datetime as dt
import json

import pytest
from joserfc import jwk

from auth_service.users import commands
from shared import clock
from shared.identity import keys, tokens
from shared.testing import identity
from tests.auth import world


@pytest.fixture
def ask(node, live_server, settings):
    """What jose says of tokens by name, with the key set that auth publishes: `ask(mine=…)["mine"]`."""

    def opinions(**asked):
        key_set = f"{live_server.url}/.well-known/jwks.json"
        told = {"issuer": settings.TOKEN_ISSUER, "audience": settings.TOKEN_AUDIENCE}
        return node("verify.mjs", keySet=key_set, tokens=asked, **told)

    return opinions


@pytest.fixture
def signs_up(live_server):
    """The access token of somebody who has just signed up."""
    commands.ensure_signing_key(now=clock.now())
    return lambda email: world.sign_up(email).cookies["access_token"].value


class TestOurTokens:
    def test_are_believed(self, ask, signs_up):
        said = ask(hamlet=signs_up(world.HAMLET))["hamlet"]

        assert said["claims"]["sub"] == str(world.user().pk)
        assert said["claims"]["email"] == world.HAMLET
        assert set(said["header"]) == {"alg", "kid", "typ"}

    def test_are_believed_across_a_rotation(self, ask, signs_up):
        before = signs_up(world.HAMLET)
        commands.rotate_signing_key(now=clock.now(), insist=True)
        after = signs_up(world.OPHELIA)

        said = ask(before=before, after=after)

        assert said["before"]["claims"]["email"] == world.HAMLET
        assert said["after"]["claims"]["email"] == world.OPHELIA
        assert said["before"]["header"]["kid"] != said["after"]["header"]["kid"]

    def test_are_refused_once_their_key_is_revoked(self, ask, signs_up):
        token = signs_up(world.HAMLET)
        commands.revoke_signing_key(kid=world.read_header(token)["kid"], now=clock.now())

        assert ask(token=token)["token"] == {"refused": "ERR_JWKS_NO_MATCHING_KEY"}

    def test_control_are_refused_when_somebody_has_changed_them(self, ask, signs_up):
        head, _, signature = signs_up(world.HAMLET).split(".")
        claims = {**world.read_claims(signs_up(world.OPHELIA)), "roles": ["admin"]}
        changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()

        said = ask(token=f"{head}.{changed}.{signature}")["token"]

        assert said == {"refused": "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"}


@pytest.fixture(scope="module")
def made(node):
    """A key and tokens that jose has made, one of them as auth would have."""
    return node("sign.mjs", claims=identity.Issuer().claims())


BAD = (
    "of another key", "ES384", "PS256", "EdDSA", "HS256 with the public key", "unsecured", "unsecured under our header",
    "typ JWT", "typ missing", "kid missing", "kid unknown", "jwk in the header", "another issuer", "another audience",
    "an audience of two", "expired", "not valid yet", "for a year", "without subject", "unencoded payload",
    "JSON, flattened", "JSON, general", "encrypted to our key", "a text in place of claims",
)  # fmt: skip


def verify(made, token):
    """As a service that has fetched the key."""
    key = jwk.ECKey.import_key(keys.public(made["key"]))
    return tokens.verify(token, {made["key"]["kid"]: key}, now=dt.datetime.now(dt.UTC))


class TestItsTokens:
    def test_are_believed_when_they_say_what_ours_do(self, made):
        assert verify(made, made["good"]).email == "ophelia@example.com"

    def test_are_all_listed(self, made):
        assert set(made["bad"]) == set(BAD)

    @pytest.mark.parametrize("name", BAD)
    def test_are_refused_when_they_do_not(self, made, name):
        with pytest.raises(tokens.InvalidToken):
            verify(made, made["bad"][name])

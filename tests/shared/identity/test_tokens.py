"""What the verifier believes, and that it believes nothing of the catalogue of what it must not."""

import base64
import datetime as dt
import uuid

import pytest
from joserfc import jwk

from shared.identity import tokens
from shared.testing import attacks, identity

ISSUER = identity.Issuer()
KEYS = {ISSUER.kid: jwk.ECKey.import_key(ISSUER.public)}
HAMLET = uuid.UUID("01890000-0000-7000-8000-000000000001")
NOW = dt.datetime.now(dt.UTC)


def verify(token, *, keys=KEYS, now=None):
    return tokens.verify(token, keys, now=now or dt.datetime.now(dt.UTC))


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
        by_hand = attacks.signed(ISSUER, attacks.header(ISSUER), attacks.payload(ISSUER, sub=str(HAMLET)))

        assert verify(by_hand).user_id == HAMLET

    @pytest.mark.parametrize("seconds", [-29, 29])
    def test_clocks_may_differ_by_less_than_the_leeway(self, seconds):
        token = ISSUER.token(issued_at=NOW, exp=int(NOW.timestamp()) + 1 if seconds > 0 else int(NOW.timestamp()) + 600)

        assert verify(token, now=NOW + dt.timedelta(seconds=seconds))


class TestABadToken:
    @attacks.every_attack
    def test_is_refused(self, attack):
        with pytest.raises(tokens.InvalidToken):
            verify(attack(ISSUER))

    @pytest.mark.parametrize("seconds", [-31, 31])
    def test_is_one_beyond_the_leeway(self, seconds):
        token = ISSUER.token(issued_at=NOW, exp=int(NOW.timestamp()))

        with pytest.raises(tokens.InvalidToken):
            verify(token, now=NOW + dt.timedelta(seconds=seconds))

    # A header would have lost these on its way.
    @pytest.mark.parametrize("around", ["{} ", " {}", "{}\n"])
    def test_has_white_space_around_it(self, around):
        with pytest.raises(tokens.InvalidToken):
            verify(around.format(ISSUER.token()))

    def test_is_every_one_while_no_key_is_held(self):
        with pytest.raises(tokens.InvalidToken):
            verify(ISSUER.token(), keys={})

    def test_in_other_spare_bits_has_the_good_signature_so_that_a_token_has_one_spelling(self):
        signature = attacks.CATALOGUE["spare bits"](ISSUER).split(".")[2]

        content = base64.urlsafe_b64decode(signature + "==")
        assert len(content) == 64
        assert attacks.b64(content) != signature

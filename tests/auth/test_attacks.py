"""Whatever is sent in place of an access token is nobody's, and never an accident."""

import pytest

from shared.testing import attacks, identity

ISSUER = identity.Issuer()


@pytest.fixture(autouse=True)
def believed(db):
    with identity.held(ISSUER):
        yield


@attacks.every_attack
def test_a_token_of_the_catalogue_is_refused(attack):
    attacks.demand_refusal(attack(ISSUER), "/api/users", method="GET")


def test_control_a_good_one_is_not():
    attacks.demand_belief(ISSUER.token(), "/api/users", method="GET")


def test_a_real_refresh_token_is_refused(elsinore):
    token = elsinore.refresh_token(elsinore.sign_up())

    attacks.demand_refusal(token, "/api/users", method="GET")


def test_a_token_of_the_catalogue_is_nobody_where_anyone_may_call():
    answer = attacks.by_cookie(attacks.CATALOGUE["claims changed"](ISSUER), "/api/users/currentuser", method="GET")

    assert (answer.status_code, answer.json()) == (200, {"currentUser": None})

"""Whatever is sent in place of an access token is nobody's, and never an accident."""

from shared.testing import attacks


@attacks.every_attack
def test_a_token_of_the_catalogue_is_refused(attack, issuer, db):
    attacks.demand_refusal(attack(issuer), "/api/payments")


def test_control_a_good_one_is_not(issuer, db):
    attacks.demand_belief(issuer.token(), "/api/payments")

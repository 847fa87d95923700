"""Cookie or bearer, good or bad, where anyone may call and where not."""

import pytest
from django.test import Client

from shared.identity import models, state
from shared.testing import identity
from tests.shared.identity import people

pytestmark = pytest.mark.urls("tests.shared.identity.urls")


class Nothing(state.Source):
    """A state that cannot be read, or that has no keys."""

    def __init__(self, refusal):
        self.refusal = refusal

    def current(self):
        raise self.refusal


def ask(path, *, cookie=None, authorization=None, method="get"):
    client = Client()
    if cookie is not None:
        client.cookies["access_token"] = cookie
    headers = {} if authorization is None else {"Authorization": authorization}
    return getattr(client, method)(path, headers=headers)


def expired(issuer):
    return issuer.token(iat=1_700_000_000, exp=1_700_000_600)


def by_a_stranger():
    return identity.Issuer().token()


class TestAGoodToken:
    @pytest.mark.parametrize("path", ["/anyone", "/users"])
    def test_in_the_cookie_says_who_it_is(self, held, path):
        response = ask(path, cookie=held.token(user_id=people.OPHELIA))

        assert response.json() == {"who": str(people.OPHELIA)}

    @pytest.mark.parametrize("path", ["/anyone", "/users"])
    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
    def test_as_a_bearer_says_who_it_is(self, held, path, scheme):
        response = ask(path, authorization=f"{scheme} {held.token(user_id=people.OPHELIA)}")

        assert response.json() == {"who": str(people.OPHELIA)}

    def test_costs_no_query(self, held, django_assert_num_queries, db):
        with django_assert_num_queries(0):
            ask("/users", cookie=held.token())


class TestNobody:
    def test_is_anonymous_where_anyone_may_call(self, held):
        assert ask("/anyone").json() == {"who": None}

    @pytest.mark.parametrize("path", ["/users", "/staff"])
    def test_is_a_401_elsewhere(self, held, path):
        response = ask(path)

        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["errors"][0]["message"]


BAD = {
    "nonsense": lambda issuer: "nonsense",
    "expired": expired,
    "by a stranger": lambda issuer: by_a_stranger(),
    "for somebody else": lambda issuer: issuer.token(aud="somebody-else"),
    "unsigned": lambda issuer: issuer.token().rpartition(".")[0] + ".",
    "too large": lambda issuer: issuer.token(note="x" * 5000),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
class TestABadToken:
    def test_in_the_cookie_is_anonymous_where_anyone_may_call(self, held, bad):
        response = ask("/anyone", cookie=bad(held))

        assert (response.status_code, response.json()) == (200, {"who": None})

    def test_in_the_cookie_is_a_401_elsewhere(self, held, bad):
        assert ask("/users", cookie=bad(held)).status_code == 401

    @pytest.mark.parametrize("path", ["/anyone", "/users", "/staff", "/nowhere", "/admin/orders/"])
    def test_as_a_bearer_is_a_401_everywhere(self, held, bad, path):
        response = ask(path, authorization=f"Bearer {bad(held)}")

        assert response.status_code == 401
        assert "invalid_token" in response.headers["WWW-Authenticate"]
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["status"] == 401
        assert response.json()["errors"][0]["code"]

    def test_as_a_bearer_is_not_excused_by_a_good_cookie(self, held, bad):
        response = ask("/anyone", authorization=f"Bearer {bad(held)}", cookie=held.token())

        assert response.status_code == 401

    def test_in_the_cookie_does_not_spoil_a_good_bearer(self, held, bad):
        response = ask("/users", authorization=f"Bearer {held.token()}", cookie=bad(held))

        assert response.status_code == 200


class TestTheAuthorizationHeader:
    @pytest.mark.parametrize("value", ["Bearer", "Bearer ", "bearer", "Bearer a b", "Bearer a,Bearer b", "Bearer =="])
    def test_that_is_half_a_bearer_is_a_401(self, held, value):
        assert ask("/anyone", authorization=value).status_code == 401

    @pytest.mark.parametrize("value", ["Basic b3BoZWxpYTpydWU=", "", "Negotiate abc", "Digest x"])
    def test_of_another_scheme_is_nobody_even_beside_a_good_cookie(self, held, value):
        cookie = held.token()

        assert ask("/anyone", authorization=value, cookie=cookie).json() == {"who": None}
        assert ask("/users", authorization=value, cookie=cookie).status_code == 401

    def test_may_hold_any_bytes(self, held):
        assert ask("/anyone", authorization="Bearer \xff\xfe\x00").status_code == 401


class TestWithoutKeysOrState:
    @pytest.mark.parametrize("refusal", [state.NoKeys(), state.StateUnreadable()], ids=["no keys", "unreadable"])
    @pytest.mark.parametrize("path", ["/anyone", "/users", "/admin/orders/"])
    @pytest.mark.parametrize("how", ["cookie", "bearer"])
    def test_credentials_are_a_503(self, refusal, path, how):
        with state.reading_from(Nothing(refusal)):
            token = {"cookie": "any"} if how == "cookie" else {"authorization": "Bearer any"}
            response = ask(path, **token)

        assert response.status_code == 503
        assert response.headers["Retry-After"] == "1"
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["errors"]

    def test_who_shows_none_is_served(self):
        with state.reading_from(Nothing(state.NoKeys())):
            assert ask("/anyone").status_code == 200
            assert ask("/users").status_code == 401

    def test_supervisors_are_answered_whatever_they_show(self):
        with state.reading_from(Nothing(state.NoKeys())):
            assert ask("/readyz", authorization="Bearer a-collectors-own").status_code == 200


@pytest.mark.django_db
class TestRoles:
    def known(self, **members):
        return models.User.objects.create(pk=people.OPHELIA, email="ophelia@elsinore.dk", **members)

    @pytest.mark.parametrize(("roles", "status"), [(["support"], 200), (["admin"], 200), (["finance"], 403), ([], 403)])
    def test_are_those_of_the_copy(self, held, roles, status):
        self.known(roles=roles)

        assert ask("/staff", cookie=held.token(user_id=people.OPHELIA)).status_code == status

    def test_of_the_token_do_not_count(self, held):
        self.known(roles=[])

        assert ask("/staff", cookie=held.token(user_id=people.OPHELIA, roles=["admin"])).status_code == 403

    def test_of_a_banned_user_do_not_count(self, held):
        self.known(roles=["admin"], active=False)

        assert ask("/staff", cookie=held.token(user_id=people.OPHELIA)).status_code == 403

    def test_of_somebody_not_known_yet_are_a_503(self, held):
        response = ask("/staff", cookie=held.token(user_id=people.OPHELIA, roles=["admin"]))

        assert response.status_code == 503
        assert response.headers["Retry-After"]


class TestOnHttps:
    def test_only_the_prefixed_cookie_is_read(self, held, settings):
        settings.PUBLIC_ORIGIN = "https://tickets.example"
        client = Client()

        client.cookies["access_token"] = held.token()
        assert client.get("/anyone").json() == {"who": None}

        client.cookies["__Host-access_token"] = held.token(user_id=people.OPHELIA)
        assert client.get("/anyone").json() == {"who": str(people.OPHELIA)}

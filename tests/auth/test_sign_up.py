import pytest

from tests.auth import world


class TestSignUp:
    def test_makes_an_account_and_signs_in(self, elsinore):
        browser = elsinore.client()

        response = elsinore.post(browser, "signup", {"email": elsinore.HAMLET, "password": elsinore.PASSWORD})

        user = elsinore.user()
        assert response.status_code == 201
        assert response.json() == {"id": str(user.pk), "email": elsinore.HAMLET}
        assert elsinore.current_user(browser) == {"id": str(user.pk), "email": elsinore.HAMLET, "roles": []}

    def test_tells_the_other_services(self, elsinore):
        elsinore.sign_up()

        (event,) = elsinore.said("user.registered")
        user = elsinore.user()
        assert event.subject == str(user.pk)
        assert event.aggregate_version == 0
        assert event.data == {
            "version": 0,
            "id": str(user.pk),
            "email": elsinore.HAMLET,
            "roles": [],
            "active": True,
            "tokensValidAfter": "1970-01-01T00:00:00Z",
            "redacted": False,
        }

    def test_keeps_the_password_only_as_an_argon2id_hash_of_the_agreed_cost(self, elsinore, real_price):
        elsinore.sign_up()

        encoded = elsinore.user().password
        assert encoded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")

    @pytest.mark.parametrize("email", [world.HAMLET, "HAMLET@ELSINORE.DK", "Hamlet@Elsinore.dk", f"  {world.HAMLET} "])
    def test_refuses_an_address_in_use_whatever_its_case(self, elsinore, email):
        elsinore.sign_up()

        response = elsinore.post(elsinore.client(), "signup", {"email": email, "password": elsinore.PASSWORD})

        assert response.status_code == 400
        (error,) = response.json()["errors"]
        assert error == {"message": "Email in use", "field": "email", "code": "email_in_use"}
        assert len(elsinore.said("user.registered")) == 1
        assert not response.cookies

    @pytest.mark.parametrize(
        "email",
        ["", "hamlet", "hamlet@", "@elsinore.dk", "ham let@elsinore.dk", "hämlet@elsinore.dk", "hamlet@elsinøre.dk",
         "a@b", "x" * 250 + "@elsinore.dk", "hamlet@elsinore.dk\nBcc: yorick@elsinore.dk",
         '"hamlet"@elsinore.dk', "hamlet@[127.0.0.1]"],
    )  # fmt: skip
    def test_refuses_what_is_no_address(self, elsinore, email):
        response = elsinore.post(elsinore.client(), "signup", {"email": email, "password": elsinore.PASSWORD})

        assert response.status_code == 400
        assert {error["field"] for error in response.json()["errors"]} == {"email"}

    @pytest.mark.parametrize(
        ("password", "code"),
        [("short12", "min_length"), ("x" * 129, "max_length"), ("password123", "password_too_common"),
         ("iloveyou1", "password_too_common"), ("", "blank")],
    )  # fmt: skip
    def test_refuses_a_password_that_is_short_long_or_common(self, elsinore, password, code):
        response = elsinore.post(elsinore.client(), "signup", {"email": elsinore.HAMLET, "password": password})

        assert response.status_code == 400
        (error,) = response.json()["errors"]
        assert (error["field"], error["code"]) == ("password", code)

    @pytest.mark.parametrize("password", ["x" * 128, "  spaces around  ", "ænd-øther-lætters", "🎭🎭🎭🎭🎭🎭🎭🎭"])
    def test_takes_any_other_password_as_it_is(self, elsinore, password):
        elsinore.sign_up(password=password)

        assert elsinore.sign_in(password=password).status_code == 200
        assert elsinore.sign_in(password=password.strip() + "!").status_code == 400

    def test_names_every_failed_rule_at_once(self, elsinore):
        response = elsinore.post(elsinore.client(), "signup", {"email": "nobody", "password": "short"})

        assert response.status_code == 400
        assert {error["field"] for error in response.json()["errors"]} == {"email", "password"}

    @pytest.mark.parametrize(
        "body",
        ["", "{", "[]", "null", "7", '"text"', '{"email": "a@elsinore.dk"}', '{"email": [], "password": {}}',
         '{"email": 7, "password": 12345678}', '{"email": true, "password": true}',
         '{"email": "a\\u0000@elsinore.dk", "password": "the-rest-is-silence"}',
         '{"email": "a@elsinore.dk", "password": "the-rest\\ud800-is-silence"}',
         '{"email": "a@elsinore.dk", "email": "b@elsinore.dk", "password": "the-rest-is-silence"}'],
    )  # fmt: skip
    def test_answers_a_malformed_body_with_a_400(self, elsinore, body):
        response = elsinore.post(elsinore.client(), "signup", body)

        assert response.status_code == 400
        assert response.headers["Content-Type"] == "application/problem+json"
        assert response.json()["errors"]

    @pytest.mark.parametrize("path", ["signup", "signin"])
    def test_takes_json_only(self, elsinore, path):
        response = elsinore.client().post(
            f"/api/users/{path}", {"email": elsinore.HAMLET, "password": elsinore.PASSWORD}
        )

        assert response.status_code == 415

    def test_is_limited_by_address(self, elsinore, settings):
        settings.SIGN_UPS_PER_ADDRESS = 2
        elsinore.sign_up("rosencrantz@elsinore.dk")
        elsinore.sign_up("guildenstern@elsinore.dk")

        response = elsinore.post(elsinore.client(), "signup", {"email": elsinore.HAMLET, "password": elsinore.PASSWORD})

        assert response.status_code == 429
        assert int(response.headers["Retry-After"]) > 0

    def test_is_not_limited_by_address_where_that_is_switched_off(self, elsinore, settings):
        settings.SIGN_UPS_PER_ADDRESS, settings.LIMITS_PER_ADDRESS = 1, False

        elsinore.sign_up("rosencrantz@elsinore.dk")
        elsinore.sign_up("guildenstern@elsinore.dk")

        assert len(elsinore.said("user.registered")) == 2

    @pytest.mark.parametrize("path", ["signup", "signin"])
    @pytest.mark.parametrize(
        "headers",
        [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}],
    )
    def test_is_refused_from_another_site(self, elsinore, path, headers):
        stranger = type(elsinore.client())()

        response = elsinore.post(stranger, path, {"email": elsinore.HAMLET, "password": elsinore.PASSWORD}, **headers)

        assert response.status_code == 403
        assert elsinore.user() is None

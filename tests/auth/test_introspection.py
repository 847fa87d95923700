"""What auth tells services and the gateway about credentials, and to whom it tells nothing."""

import base64
import datetime as dt
import secrets

import pytest
from django.core.management import CommandError, call_command
from joserfc import jwk

from auth_service.users import commands, models
from shared import clock, ids
from shared.identity import tokens
from shared.identity.strategies import gateway

SECRET, ANOTHER = secrets.token_urlsafe(48), secrets.token_urlsafe(48)


@pytest.fixture
def credential(elsinore):
    """Orders can prove that it is orders."""
    return commands.add_service_credential(service="orders", secret=SECRET, now=clock.now())


def basic(service="orders", secret=SECRET):
    return {"Authorization": "Basic " + base64.b64encode(f"{service}:{secret}".encode()).decode()}


def ask(elsinore, token, *, headers=None, **how):
    how = how or {"data": {"token": token}, "content_type": "application/json"}
    return elsinore.client().post("/internal/introspect", headers=basic() if headers is None else headers, **how)


def access(browser):
    return browser.cookies["access_token"].value


class TestIntrospection:
    def test_tells_whose_a_token_is_and_until_when(self, elsinore, credential):
        token = access(elsinore.sign_up())

        told = ask(elsinore, token).json()

        claims = elsinore.read_claims(token)
        assert told == {
            "active": True,
            **{name: claims[name] for name in ("iss", "aud", "sub", "sid", "jti", "exp", "email", "roles")},
            "iat": int(claims["iat"]),
        }

    def test_takes_a_form_as_rfc_7662_sends_it(self, elsinore, credential):
        form = {"data": f"token={access(elsinore.sign_up())}", "content_type": "application/x-www-form-urlencoded"}

        assert ask(elsinore, "", **form).json()["active"] is True

    def test_tells_the_roles_of_now(self, elsinore, credential):
        token = access(elsinore.sign_up())
        commands.set_roles(user_id=elsinore.user().pk, roles=["support"], by=None)

        assert ask(elsinore, token).json()["roles"] == ["support"]

    @pytest.mark.parametrize("spoil", ["ban", "sign out", "close"])
    def test_of_a_token_that_counts_no_more_tells_only_that(self, elsinore, credential, spoil):
        browser = elsinore.sign_up()
        token = access(browser)
        if spoil == "ban":
            commands.ban_user(user_id=elsinore.user().pk, now=clock.now())
        elif spoil == "close":
            commands.close_user(user_id=elsinore.user().pk, now=clock.now())
        else:
            elsinore.post(browser, "signout")

        assert ask(elsinore, token).json() == {"active": False}

    def test_of_a_session_ended_since_the_state_was_last_read_knows_already(self, elsinore, credential):
        token = access(elsinore.sign_up())
        models.Session.objects.update(revoked_at=clock.now())  # no copy has been told

        assert ask(elsinore, token).json() == {"active": False}

    @pytest.mark.parametrize("nonsense", ["nonsense", "a.b.c", "é", "x" * 9000])
    def test_of_nonsense_tells_that_it_does_not_count(self, elsinore, credential, nonsense):
        assert ask(elsinore, nonsense).json() == {"active": False}

    def test_of_a_refresh_token_tells_that_it_is_no_access_token(self, elsinore, credential):
        assert ask(elsinore, elsinore.refresh_token(elsinore.sign_up())).json() == {"active": False}

    @pytest.mark.parametrize("body", [{}, {"token": ["a"]}, {"token": None}])
    def test_wants_a_token(self, elsinore, credential, body):
        answer = ask(elsinore, "", data=body, content_type="application/json")

        assert answer.status_code == 400
        assert answer.json()["errors"]

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            basic(secret=ANOTHER),
            basic(service="payments"),
            basic(service=""),
            basic(service="or\0ders"),
            {"Authorization": "Basic é"},
            {"Authorization": "Basic"},
            {"Authorization": "Digest x"},
        ],
    )
    def test_is_for_services_that_prove_who_they_are(self, elsinore, credential, headers):
        answer = ask(elsinore, access(elsinore.sign_up()), headers=headers)

        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        assert "active" not in answer.json()

    def test_is_not_for_users(self, elsinore, credential):
        token = access(elsinore.sign_up())

        assert ask(elsinore, token, headers={"Authorization": f"Bearer {token}"}).status_code == 401


class TestServiceCredentials:
    def test_are_two_at_most_so_that_one_can_be_exchanged(self, elsinore, credential):
        token = access(elsinore.sign_up())
        commands.add_service_credential(service="orders", secret=ANOTHER, now=clock.now())

        with pytest.raises(models.TooManyCredentials):
            commands.add_service_credential(service="orders", secret="x" * 40, now=clock.now())
        assert ask(elsinore, token).json()["active"] is True
        assert ask(elsinore, token, headers=basic(secret=ANOTHER)).json()["active"] is True

        commands.retire_service_credential(credential_id=credential.pk, now=clock.now())
        assert ask(elsinore, token).status_code == 401
        assert ask(elsinore, token, headers=basic(secret=ANOTHER)).status_code == 200

    def test_may_be_added_again_and_are_the_same(self, elsinore, credential):
        again = commands.add_service_credential(service="orders", secret=SECRET, now=clock.now())

        assert again == credential

    def test_are_not_kept(self, elsinore, credential):
        assert SECRET not in str(models.ServiceCredential.objects.values().get())

    def test_are_long_and_of_services_that_exist(self, elsinore):
        with pytest.raises(models.WeakSecret):
            commands.add_service_credential(service="orders", secret="hamlet", now=clock.now())
        with pytest.raises(commands.UnknownService):
            commands.add_service_credential(service="prompter", secret=SECRET, now=clock.now())

    def test_are_retired_once(self, elsinore, credential):
        commands.retire_service_credential(credential_id=credential.pk, now=clock.now())

        with pytest.raises(models.NotValid):
            commands.retire_service_credential(credential_id=credential.pk, now=clock.now())
        with pytest.raises(commands.UnknownCredential):
            commands.retire_service_credential(credential_id=ids.new(), now=clock.now())

    def test_are_made_listed_and_retired_by_a_command_that_shows_one_once(self, elsinore, capsys):
        call_command("service_credentials", "add", "tickets")
        secret = capsys.readouterr().out.partition("INTROSPECT_SECRET=")[2].split()[0]
        assert ask(elsinore, "x", headers=basic("tickets", secret)).status_code == 200

        call_command("service_credentials", "list")
        listed = capsys.readouterr().out
        assert "tickets" in listed
        assert secret not in listed

        call_command("service_credentials", "retire", listed.split()[0])
        assert ask(elsinore, "x", headers=basic("tickets", secret)).status_code == 401
        with pytest.raises(CommandError, match="retired already"):
            call_command("service_credentials", "retire", listed.split()[0])

    def test_may_be_given_by_the_environment(self, elsinore, monkeypatch, capsys):
        monkeypatch.setenv("NEW_SECRET", SECRET)

        call_command("service_credentials", "add", "orders")

        assert SECRET not in capsys.readouterr().out
        assert ask(elsinore, "x").status_code == 200


def vouched(browser, service="orders", **headers):
    return browser.get(f"/internal/assertion/{service}", headers=headers)


class TestAssertions:
    def test_say_to_one_service_who_is_asking_for_half_a_minute(self, elsinore):
        browser = elsinore.sign_up()

        answer = vouched(browser)

        assert answer.status_code == 204
        key = commands.ensure_signing_key(now=clock.now())
        keys = {key.kid: jwk.ECKey.import_key(key.jwk)}
        now = dt.datetime.now(dt.UTC)
        identity = tokens.verify(answer[gateway.HEADER], keys, now=now, profile=tokens.assertion("orders"))
        assert identity.user_id == elsinore.user().pk
        assert identity.session_id == elsinore.session().pk
        assert identity.expires_at - identity.issued_at <= dt.timedelta(seconds=30)
        for profile in (tokens.access(), tokens.assertion("payments")):
            with pytest.raises(tokens.InvalidToken):
                tokens.verify(answer[gateway.HEADER], keys, now=now, profile=profile)

    def test_are_made_for_a_bearer_too(self, elsinore):
        token = access(elsinore.sign_up())

        assert gateway.HEADER in vouched(elsinore.client(), Authorization=f"Bearer {token}")

    @pytest.mark.parametrize("cookie", [None, "nonsense"])
    def test_are_not_made_for_nobody(self, elsinore, cookie):
        browser = elsinore.client()
        if cookie:
            browser.cookies["access_token"] = cookie

        answer = vouched(browser)

        assert answer.status_code == 204
        assert gateway.HEADER not in answer

    def test_are_not_made_for_an_invalid_bearer(self, elsinore):
        answer = vouched(elsinore.client(), Authorization="Bearer nonsense")

        assert answer.status_code == 401
        assert gateway.HEADER not in answer

    def test_are_not_made_once_the_session_has_ended_although_no_copy_was_told(self, elsinore):
        browser = elsinore.sign_up()
        models.Session.objects.update(revoked_at=clock.now())

        assert gateway.HEADER not in vouched(browser)

    def test_are_no_access_tokens(self, elsinore):
        browser = elsinore.sign_up()
        assertion = vouched(browser)[gateway.HEADER]

        answer = elsinore.client().get("/api/users/currentuser", headers={"Authorization": f"Bearer {assertion}"})

        assert answer.status_code == 401

    def test_are_for_services_that_exist(self, elsinore):
        assert vouched(elsinore.sign_up(), service="prompter").status_code == 404

"""What every page with actions has in common, on a page about public keys."""

import re

import pytest
from django.contrib.admin import helpers
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.test import Client
from django.urls import path

from shared import errors
from shared.identity import actions, admin_actions, admin_site, models
from shared.identity import admin as identity_admin
from shared.testing import staff
from tests.shared.identity import people

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

WHY = "it was in a repository"
KEYS = "/admin/orders/identity/publickey/"


class Burnt(errors.Conflict):
    detail = "It is burnt already."


class KeyRing(admin_actions.ActingPage):
    actions = ("burn", "engrave")

    @admin_actions.reasoned(label="Burn it", done="burnt", roles=("admin",))
    def burn(self, key, *, by, reason):
        with transaction.atomic():
            if key.retired:
                raise Burnt
            models.PublicKey.objects.filter(pk=key.pk).update(retired=True)
            actions.record(by=by, target=key, what="burnt", reason=reason)

    @admin_actions.reasoned(label="Engrave it", done="engraved", roles=("admin", "support"), most=1)
    def engrave(self, key, *, by, reason):
        raise Burnt


site = admin_site.Site()
site.register(models.PublicKey, KeyRing)
site.register(LogEntry, identity_admin.LogEntryAdmin)
urlpatterns = [path("admin/orders/", site.urls)]


def key(kid="hamlet", **members):
    return models.PublicKey.objects.create(kid=kid, **members)


@pytest.fixture
def browser(held):
    def of(*roles):
        models.User.objects.update_or_create(pk=people.OPHELIA, defaults={"roles": list(roles), "active": True})
        client = Client()
        held.sign_in(client, user_id=people.OPHELIA, roles=list(roles))
        return staff.Browser(client)

    return of


class TestAsking:
    def test_comes_before_doing(self, browser):
        hamlet = key()

        page = staff.text_of(browser("admin").ask("burn", hamlet))

        assert 'name="reason"' in page
        assert f"/admin/orders/identity/publickey/{hamlet.pk}/change/" in page
        assert not models.PublicKey.objects.get().retired

    @pytest.mark.parametrize("reason", ["", "   ", "x" * 201, "a\x00b", "bell \x07"])
    def test_is_repeated_where_the_reason_is_none(self, browser, reason):
        response = browser("admin").ask("burn", key(), reason=reason)

        assert "errorlist" in staff.text_of(response)
        assert not models.PublicKey.objects.get().retired

    def test_leads_back_to_the_one_row_that_it_was_about(self, browser):
        hamlet = key()

        response = browser("admin").ask("burn", hamlet, reason=WHY)

        assert response.redirect_chain == [(f"/admin/orders/identity/publickey/{hamlet.pk}/change/", 303)]

    def test_escapes_what_was_typed(self, browser):
        hamlet, admin = key(), browser("admin")
        admin.ask("burn", hamlet, reason="<script>alert(1)</script>")

        history = admin.client.get(f"/admin/orders/identity/publickey/{hamlet.pk}/history/").content.decode()
        assert "&lt;script&gt;alert(1)" in history
        assert "<script>alert" not in history


class TestDoing:
    def test_one_row_after_the_other_does_not_stop_at_a_refusal(self, browser):
        keys = key("hamlet"), key("macbeth", retired=True), key("othello")

        page = staff.text_of(browser("admin").ask("burn", *keys, reason=WHY))

        assert "Macbeth: It is burnt already." in page or "macbeth: It is burnt already." in page
        assert [what for what, _, _ in staff.deeds()] == ["burnt", "burnt"]
        assert not models.PublicKey.objects.filter(retired=False).exists()

    def test_of_more_than_one_can_wait_for_is_refused(self, browser):
        keys = [key(f"key {number}") for number in range(admin_actions.AT_ONCE + 1)]

        page = staff.text_of(browser("admin").ask("burn", *keys, reason=WHY))

        assert "Choose 1 to 20." in page
        assert staff.deeds() == []

    def test_of_several_is_refused_where_it_is_for_one(self, browser):
        page = staff.text_of(browser("admin").ask("engrave", key("hamlet"), key("macbeth"), reason=WHY))

        assert "Choose one." in page


class TestRoles:
    @pytest.mark.parametrize(
        ("role", "offered"),
        [("admin", {"burn", "engrave"}), ("support", {"engrave"}), ("finance", set()), ("moderator", set())],
    )
    def test_see_and_may_do_what_is_theirs(self, browser, role, offered):
        hamlet, somebody = key(), browser(role)

        assert somebody.offered(hamlet) == offered
        somebody.ask("burn", hamlet, reason=WHY)

        assert models.PublicKey.objects.get().retired is (role == "admin")

    def test_count_at_the_moment_of_the_second_request(self, browser):
        hamlet, admin = key(), browser("admin")
        assert "burn" in admin.offered(hamlet)

        models.User.objects.update(roles=["support"])

        admin.ask("burn", hamlet, reason=WHY)
        assert not models.PublicKey.objects.get().retired

    @pytest.mark.parametrize("change", [{"roles": []}, {"active": False}], ids=["demoted", "banned"])
    def test_that_are_gone_shut_an_open_page(self, browser, change):
        hamlet, admin = key(), browser("admin")
        admin.ask("burn", hamlet)

        models.User.objects.update(**change)

        assert admin.ask("burn", hamlet, reason=WHY).status_code == 403
        assert not models.PublicKey.objects.get().retired


class TestTheLog:
    def test_tells_who_did_what_to_which_and_why(self, browser):
        hamlet, admin = key(), browser("admin")
        admin.ask("burn", hamlet, reason=WHY)

        for page in (admin.history_of(hamlet), admin.look("admin/logentry/", q=hamlet.pk)):
            assert "burnt" in page
            assert WHY in page
            assert str(people.OPHELIA) in page

    def test_of_much_asks_no_more_than_of_little(self, browser, django_assert_max_num_queries):
        admin = browser("admin")
        admin.ask("burn", *[key(f"key {number}") for number in range(20)], reason=WHY)

        with django_assert_max_num_queries(6):
            admin.look("admin/logentry/")

    def test_lets_nobody_change_it(self, browser):
        admin = browser("admin")
        admin.ask("burn", key(), reason=WHY)
        entry = LogEntry.objects.get()

        assert admin.client.post(f"/admin/orders/admin/logentry/{entry.pk}/delete/", {"post": "yes"}).status_code == 403
        assert admin.client.post(f"/admin/orders/admin/logentry/{entry.pk}/change/", {}).status_code == 403


class TestThePages:
    def test_have_no_inline_script_or_style(self, browser):
        hamlet, admin = key(), browser("admin")
        pages = [admin.look_at(hamlet), staff.text_of(admin.ask("burn", hamlet)), admin.history_of(hamlet)]

        for page in pages:
            assert "<style" not in page
            assert " style=" not in page
            assert " onclick=" not in page


HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')


def entered(page):
    """What a browser sends of the form of a page, as it is."""
    return dict(HIDDEN.findall(page.content.decode()))


class TestAFormThatComesTooLate:
    @pytest.fixture
    def client(self, held, browser):
        """An administrator's, who meets the CSRF checks that a browser does."""
        client = Client(enforce_csrf_checks=True)
        client.cookies = browser("admin").client.cookies
        return client

    def test_can_be_sent_again_as_it_is_shown(self, client):
        key()
        token = entered(client.get(KEYS))["csrfmiddlewaretoken"]
        chosen = {"action": "burn", helpers.ACTION_CHECKBOX_NAME: models.PublicKey.objects.get().pk}
        asked = client.post(KEYS, {**chosen, "csrfmiddlewaretoken": token})
        access = client.cookies.pop("access_token")
        client.cookies["signed_in"] = "1"
        late = client.post(KEYS, {**entered(asked), "reason": WHY})
        assert (late.status_code, staff.deeds()) == (401, [])

        client.cookies["access_token"] = access.value
        client.post(KEYS, entered(late))

        assert staff.deeds() == [("burnt", WHY, "hamlet")]

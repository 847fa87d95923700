"""The pages of the admin, in the browsers of people with and without the right to decide."""

import html

import msgspec
import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.test import Client, RequestFactory

from shared import ids, tracing
from shared.contracts import envelope as envelopes
from shared.identity import models as people
from shared.messaging import admin as pages
from shared.messaging import intake, models, outbox, parked
from shared.testing import identity
from tests.shared.messaging import stage

pytestmark = [pytest.mark.usefixtures("on_stage"), pytest.mark.urls("tests.shared.identity.urls")]

LIST = "/admin/orders/messaging/parkedmessage/"
PUCK = ids.new()


@pytest.fixture(scope="module")
def issuer():
    return identity.Issuer()


@pytest.fixture
def sign_in(issuer):
    """`sign_in("support")`: the browser of somebody with that role."""
    with identity.held(issuer):

        def browser(role):
            people.User.objects.update_or_create(
                id=PUCK, defaults={"email": "puck@globe.example", "roles": [role], "active": True}
            )
            client = Client()
            issuer.sign_in(client, user_id=PUCK, roles=[role])
            return client

        yield browser


@pytest.fixture
def puck(sign_in):
    """The browser of an administrator."""
    return sign_in("admin")


def park(*titles, said=stage.tickets.TicketUpdated):
    stage.refused.update(titles)
    bodies = [stage.body(stage.ticket(title=title, said=said), position=place) for place, title in enumerate(titles, 1)]
    intake.take(stage.deliveries(*bodies), queue="orders.inbox")
    return list(models.ParkedMessage.objects.filter(type=said.TYPE).order_by("id"))


def text_of(response):
    return html.unescape(response.content.decode())


def act(browser, action, *chosen, **fields):
    """Choose rows and an action on the list; the page one sees then."""
    fields |= {"action": action, "_selected_action": [message.pk for message in chosen]}
    return browser.post(LIST, fields, follow=True)


def states():
    return sorted(models.ParkedMessage.objects.values_list("state", flat=True))


class TestLooking:
    def test_the_list_tells_type_error_attempts_and_age(self, puck):
        (macbeth,) = park("Macbeth")
        parked.retry(parked_id=macbeth.id, now=stage.NOW)

        page = text_of(puck.get(LIST))

        for told in ("ticket.updated", "Refused('Macbeth')", '<td class="field-attempts">2</td>', "0\xa0minutes"):
            assert told in page

    def test_the_page_shows_payload_error_and_traceback(self, puck):
        (macbeth,) = park("Macbeth")

        page = text_of(puck.get(f"{LIST}{macbeth.id}/change/"))

        assert '    "title": "Macbeth",\n' in page, "JSON is indented"
        assert "Refused('Macbeth')" in page
        assert "in ticket_changed\n" in page

    @pytest.mark.parametrize(
        "body", [b"no json", b"\xff\x00\xfe", b"", b"[" * 5000, b'"<script>alert(1)</script>"', b'{"a": "\\ud800"}']
    )
    def test_whatever_the_payload_is_the_page_is_shown(self, puck, body):
        intake.take(stage.deliveries(body), queue="orders.inbox")

        response = puck.get(f"{LIST}{models.ParkedMessage.objects.get().id}/change/")

        assert response.status_code == 200
        assert "<script>alert" not in response.content.decode()
        assert 'class="readonly">unreadable<' in response.content.decode()

    def test_of_a_huge_payload_the_beginning_is_shown(self, puck):
        intake.take(stage.deliveries(b"x" * 10_000_000), queue="orders.inbox")

        page = puck.get(f"{LIST}{models.ParkedMessage.objects.get().id}/change/").content.decode()

        assert len(page) < 200_000
        assert "… and 9900000 characters more" in page

    def test_the_list_reads_no_payload_and_asks_few_questions(self, puck, django_assert_max_num_queries):
        park(*[f"Henry {number}" for number in range(20)])

        with django_assert_max_num_queries(16) as asked:
            puck.get(LIST)
        listing = [query["sql"] for query in asked.captured_queries if "messaging_parkedmessage" in query["sql"]]
        assert listing
        assert not any('"body"' in query for query in listing)

    def test_the_pages_have_no_inline_script_or_style(self, puck):
        (macbeth,) = park("Macbeth")

        for response in (puck.get(LIST), puck.get(f"{LIST}{macbeth.id}/change/"), act(puck, "discard", macbeth)):
            page = response.content.decode()
            assert response.status_code == 200
            assert "<style" not in page
            assert " style=" not in page
            assert "onclick" not in page
            assert all("src=" in tag or "application/json" in tag for tag in scripts(page))


class TestRetry:
    def test_says_what_came_of_it(self, puck):
        chosen = park("Macbeth", "Othello")
        stage.refused.discard("Macbeth")

        page = text_of(act(puck, "retry", *chosen))

        assert "1 applied" in page
        assert "1 failed again, still parked" in page
        assert states() == ["applied", "parked"]

    def test_of_one_leaves_the_others(self, puck):
        macbeth, _othello = park("Macbeth", "Othello")
        stage.refused.clear()

        act(puck, "retry", macbeth)

        assert states() == ["applied", "parked"]

    def test_of_all_of_a_type_takes_those_that_were_not_chosen_too_and_no_other_type(self, puck):
        macbeth, *_ = park("Macbeth", "Othello", "King Lear")
        park("Hamlet", said=stage.tickets.TicketCreated)
        stage.refused.clear()

        page = text_of(act(puck, "retry_all_of_type", macbeth))

        assert "3 applied" in page
        assert states() == ["applied"] * 3 + ["parked"]

    def test_of_what_is_closed_says_so(self, puck):
        (macbeth,) = park("Macbeth")
        parked.discard(parked_id=macbeth.id, reason="sold on paper", now=stage.NOW)

        assert "None of them is parked any more" in text_of(act(puck, "retry", macbeth))

    def test_passes_over_what_somebody_else_closes_meanwhile(self, puck, monkeypatch):
        macbeth, othello = park("Macbeth", "Othello")
        stage.refused.clear()
        retry = parked.retry

        def closes_the_other(*, parked_id, now):
            if parked_id == macbeth.id:
                parked.discard(parked_id=othello.id, reason="somebody was faster", now=now)
            return retry(parked_id=parked_id, now=now)

        monkeypatch.setattr(parked, "retry", closes_the_other)

        assert "1 applied" in text_of(act(puck, "retry", macbeth, othello))
        assert states() == ["applied", "discarded"]

    def test_ends_in_time_for_the_gateway_and_goes_on_with_the_untried(self, puck, monkeypatch):
        chosen = park("Macbeth", "Othello", "King Lear")
        stage.refused.discard("King Lear")
        monkeypatch.setattr(pages, "_SECONDS", -1.0)

        assert "2 not tried for lack of time" in text_of(act(puck, "retry", *chosen))
        act(puck, "retry", *chosen)
        act(puck, "retry", *chosen)

        assert states() == ["applied", "parked", "parked"]

    def test_stands_in_the_history_with_who_did_it(self, puck):
        (macbeth,) = park("Macbeth")

        act(puck, "retry", macbeth)

        history = text_of(puck.get(f"{LIST}{macbeth.id}/history/"))
        assert "puck@globe.example" in history
        assert "Retried: failed again, still parked" in history


class TestDiscard:
    def test_asks_for_a_reason_first(self, puck):
        (macbeth,) = park("Macbeth")

        page = text_of(act(puck, "discard", macbeth))

        assert 'name="reason"' in page
        assert "required" in page
        assert states() == ["parked"]

    def test_keeps_the_reason_and_who_did_it(self, puck):
        chosen = park("Macbeth", "Othello")

        page = text_of(act(puck, "discard", *chosen, reason="  sold on paper "))

        assert "2 discarded" in page
        assert set(models.ParkedMessage.objects.values_list("state", "reason")) == {("discarded", "sold on paper")}
        entry = LogEntry.objects.first()
        assert (entry.user_id, entry.change_message) == (PUCK, "Discarded: sold on paper")

    @pytest.mark.parametrize("reason", ["", "   ", "\t\n", "x" * 201, "a\x00b", "bell \x07"])
    def test_asks_again_where_the_reason_is_none(self, puck, reason):
        (macbeth,) = park("Macbeth")

        response = act(puck, "discard", macbeth, reason=reason)

        assert response.status_code == 200
        assert "errorlist" in response.content.decode()
        assert states() == ["parked"]

    def test_of_more_than_one_can_look_through_is_refused(self, puck, monkeypatch):
        monkeypatch.setattr(pages, "_AT_ONCE", 1)

        page = text_of(act(puck, "discard", *park("Macbeth", "Othello"), reason="all of it"))

        assert "Choose 1 to 1 parked messages" in page
        assert states() == ["parked", "parked"]

    def test_of_what_is_closed_is_refused(self, puck):
        (macbeth,) = park("Macbeth")
        act(puck, "discard", macbeth, reason="sold on paper")

        assert "Choose 1 to 200" in text_of(act(puck, "discard", macbeth, reason="again"))
        assert models.ParkedMessage.objects.get().reason == "sold on paper"


class TestTheLogs:
    """Of what was said and what was heard."""

    @pytest.fixture
    def heard(self):
        ticket = stage.ticket()
        envelope = stage.envelope(ticket)
        intake.take(stage.deliveries(envelopes.encode(envelope)), queue="orders.inbox")
        return envelope

    @pytest.fixture
    def said(self):
        with transaction.atomic(), tracing.bind(request="request-8", trace=None):
            outbox.publish(stage.order())
        return models.OutboxEvent.objects.get()

    @pytest.mark.parametrize("term", ["subject", "id", "requestid", "type"])
    def test_of_what_was_heard_are_searched_by_aggregate_event_request_and_type(self, sign_in, heard, term):
        other = stage.envelope(stage.verdict(), position=2)
        told = msgspec.structs.replace(other, requestid="request-9")
        intake.take(stage.deliveries(envelopes.encode(told)), queue="orders.inbox")
        inbox = "/admin/orders/messaging/inboxevent/"

        page = text_of(sign_in("support").get(inbox, {"q": str(getattr(heard, term))}))

        assert heard.subject in page
        assert other.subject not in page

    @pytest.mark.parametrize("term", ["subject", "event_id", "request_id", "type"])
    def test_of_what_was_said_are_searched_by_aggregate_event_request_and_type(self, sign_in, said, term):
        log = "/admin/orders/messaging/outboxevent/"
        browser = sign_in("support")

        assert said.subject in text_of(browser.get(log, {"q": str(getattr(said, term))}))
        assert said.subject not in text_of(browser.get(log, {"q": "request-99"}))

    @pytest.mark.parametrize("kind", ["inboxevent", "outboxevent"])
    def test_are_filtered_by_type_without_reading_them_all(self, sign_in, heard, said, kind):
        browser, shown = sign_in("support"), {"inboxevent": heard.type, "outboxevent": said.type}[kind]

        page = text_of(browser.get(f"/admin/orders/messaging/{kind}/", {"type": shown}))
        other = "order.expired" if kind == "outboxevent" else "ticket.sold"
        assert page.count('class="field-type"') == 1
        assert 'class="field-type"' not in text_of(browser.get(f"/admin/orders/messaging/{kind}/", {"type": other}))

    @pytest.mark.parametrize("kind", ["inboxevent", "outboxevent"])
    def test_cost_as_many_questions_with_many_rows(self, sign_in, kind, django_assert_max_num_queries):
        with transaction.atomic():
            for _ in range(20):
                outbox.publish(stage.order())
        intake.take(stage.deliveries(*[stage.body(stage.verdict(), position=n) for n in range(1, 20)]), queue="x")
        browser = sign_in("support")

        with django_assert_max_num_queries(5):
            browser.get(f"/admin/orders/messaging/{kind}/")


class TestRights:
    @pytest.mark.parametrize(("role", "may"), [("support", False), ("moderator", False), ("admin", True)])
    def test_only_an_administrator_reads_a_payload(self, sign_in, role, may):
        (macbeth,) = park("Macbeth")

        page = text_of(sign_in(role).get(f"{LIST}{macbeth.id}/change/"))

        assert ('"title": "Macbeth"' in page) is may
        assert "Refused('Macbeth')" in page, "why it is parked is for all"

    @pytest.mark.parametrize("action", ["retry", "retry_all_of_type", "discard"])
    def test_a_supporter_looks_and_decides_nothing(self, sign_in, action):
        (macbeth,) = park("Macbeth")
        stage.refused.clear()
        browser = sign_in("support")

        assert browser.get(LIST).status_code == 200
        act(browser, action, macbeth, reason="because")

        assert states() == ["parked"]
        assert not LogEntry.objects.exists()

    def test_a_decision_needs_its_form(self, puck):
        (macbeth,) = park("Macbeth")
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = puck.cookies

        assert act(strict, "discard", macbeth, reason="because").status_code == 403
        assert states() == ["parked"]


@pytest.mark.parametrize("model", [models.ParkedMessage, models.OutboxEvent, models.InboxEvent])
def test_nothing_is_made_changed_or_deleted_by_hand(model):
    page = admin.site._registry[model]
    request = RequestFactory().get("/")
    request.user = people.User(roles=["admin"])

    for allowed in (page.has_add_permission, page.has_change_permission, page.has_delete_permission):
        assert not allowed(request)


def scripts(page):
    return [part.split(">")[0] for part in page.split("<script")[1:]]

import json
import threading

import pytest
from django.db import connection, connections

from shared import errors
from shared.http import idempotency, tasks
from shared.http import models as http
from shared.testing import waiting
from tests.shared.http.playhouse import models, views

HAMLET = {"title": "Hamlet", "price": 5}
KEY = {"Idempotency-Key": "to-be-or-not-to-be"}
either = pytest.mark.parametrize("path", ["/api/plays", "/api/journeys"], ids=["once", "across"])


def raises(error):
    def raiser():
        raise error

    return raiser


def refusal(response):
    return response.status_code, response.json()["errors"][0]["code"]


def staged():
    return models.Play.objects.count()


class Thread(threading.Thread):
    """A request under way elsewhere, with a database connection of its own."""

    def __init__(self, ask):
        super().__init__(daemon=True)
        self.ask, self.response = ask, None
        self.start()

    def run(self):
        try:
            self.response = self.ask()
        finally:
            connections.close_all()

    def answer(self):
        self.join(20)
        assert self.response is not None, "no answer in time"
        return self.response


@either
@pytest.mark.django_db
class TestRepeat:
    def test_gets_the_first_answer_again(self, hamlet, path):
        first = hamlet.post(path, HAMLET, **KEY)
        again = hamlet.post(path, HAMLET, **KEY)

        assert first.status_code == again.status_code == 201
        assert again.content == first.content
        assert staged() == 1
        assert "Idempotency-Replayed" not in first.headers
        assert again.headers["Idempotency-Replayed"] == "true"
        for name in ("Location", "ETag", "Content-Type"):
            assert again.headers[name] == first.headers[name]

    def test_may_be_spelt_and_ordered_otherwise(self, hamlet, path):
        first = hamlet.post(path, b'{"title": "Hamlet", "price": 12.50}', **KEY)
        again = hamlet.post(f"{path}/", b'{ "price":12.50,\n"title": "Haml\\u0065t" }', **KEY)

        assert again.content == first.content
        assert staged() == 1

    @pytest.mark.parametrize(
        "body", [HAMLET | {"price": 6}, HAMLET | {"price": "5"}, HAMLET | {"more": None}, HAMLET | {"seats": []}]
    )
    def test_with_another_body_is_a_422(self, hamlet, path, body):
        hamlet.post(path, HAMLET, **KEY)

        response = hamlet.post(path, body, **KEY)

        assert refusal(response) == (422, "idempotency_key_reused")
        assert staged() == 1

    def test_by_somebody_else_is_no_repeat(self, hamlet, ophelia, path):
        hamlet.post(path, HAMLET, **KEY)

        response = ophelia.post(path, HAMLET, **KEY)

        assert "Idempotency-Replayed" not in response.headers
        assert staged() == 2

    def test_on_another_path_is_no_repeat(self, hamlet, path):
        hamlet.post(path, HAMLET, **KEY)

        assert hamlet.post("/api/other-plays", HAMLET | {"price": 6}, **KEY).status_code == 201

    def test_without_a_key_has_its_effect_again(self, hamlet, path):
        hamlet.post(path, HAMLET)
        hamlet.post(path, HAMLET)

        assert staged() == 2
        assert http.IdempotentAnswer.objects.count() == 0

    def test_of_a_day_ago_is_a_new_request(self, hamlet, path):
        hamlet.post(path, HAMLET, **KEY)
        self.age("24 hours")

        response = hamlet.post(path, HAMLET | {"price": 6}, **KEY)

        assert response.status_code == 201
        assert hamlet.post(path, HAMLET | {"price": 6}, **KEY).content == response.content
        assert staged() == 2

    def test_of_almost_a_day_ago_is_a_repeat(self, hamlet, path):
        hamlet.post(path, HAMLET, **KEY)
        self.age("23 hours 59 minutes")

        tasks.prune()

        assert hamlet.post(path, HAMLET, **KEY).headers["Idempotency-Replayed"] == "true"

    def test_says_nothing_any_more_of_whoever_is_forgotten(self, hamlet, ophelia, path):
        for somebody in (hamlet, ophelia):
            somebody.post(path, HAMLET, **KEY)

        idempotency.forget(hamlet.user_id)

        emptied = http.IdempotentAnswer.objects.get(user_id=hamlet.user_id)
        assert (emptied.status, emptied.body, emptied.headers, emptied.fingerprint) == (201, "", {}, "")
        assert emptied.key == f"erased-{emptied.pk}"
        assert ophelia.post(path, HAMLET, **KEY).headers["Idempotency-Replayed"] == "true"

    def age(self, interval):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE http_idempotentanswer SET created_at = now() - %s::interval", [interval])


@pytest.mark.django_db
def test_answers_are_forgotten_after_a_day(hamlet):
    hamlet.post("/api/plays", HAMLET, **KEY)
    TestRepeat().age("24 hours 1 minute")

    tasks.prune()

    assert http.IdempotentAnswer.objects.count() == 0


@either
@pytest.mark.django_db
class TestRefusal:
    @pytest.mark.parametrize(
        "error",
        [views.Unpaid(), views.Rotten(), errors.NotFound(), views.TheatreClosed()],
        ids=lambda error: error.status,
    )
    def test_that_is_decided_is_the_answer_to_a_repeat(self, hamlet, script, path, error):
        script.before = raises(error)
        first = hamlet.post(path, HAMLET, **KEY)
        script.before = lambda: None

        again = hamlet.post(path, HAMLET, **KEY)

        assert first.status_code == error.status
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["Content-Type"] == "application/problem+json"
        assert again.headers["Idempotency-Replayed"] == "true"
        assert staged() == 0

    @pytest.mark.parametrize(
        "error",
        [errors.Invalid("no"), errors.TooMany(retry_after=1), errors.Unavailable(), ZeroDivisionError()],
        ids=lambda error: type(error).__name__,
    )
    def test_that_is_not_is_forgotten(self, hamlet, script, path, error):
        script.before = raises(error)
        assert hamlet.post(path, HAMLET, **KEY).status_code in (400, 429, 500, 503)
        script.before = lambda: None

        again = hamlet.post(path, HAMLET, **KEY)

        assert again.status_code == 201
        assert "Idempotency-Replayed" not in again.headers

    def test_of_the_body_comes_before_the_key_counts(self, hamlet, path):
        assert hamlet.post(path, {}, **KEY).status_code == 400
        assert hamlet.post(path, HAMLET, **KEY).status_code == 201


@either
@pytest.mark.django_db
class TestKey:
    @pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 256, "a\tb", "\x7f"])
    def test_that_is_malformed_is_a_400(self, hamlet, path, key):
        response = hamlet.post(path, HAMLET, **{"Idempotency-Key": key})

        assert refusal(response) == (400, "invalid_idempotency_key")
        assert staged() == 0

    @pytest.mark.parametrize(
        "key", ["x", "x" * 255, '"8e03978e-40d5-43e8-bc93-6894a57f9324"', "!#$%&'()*+,-./:;<=>?@[]^_`{|}~"]
    )
    def test_of_visible_ascii_is_taken(self, hamlet, path, key):
        assert hamlet.post(path, HAMLET, **{"Idempotency-Key": key}).status_code == 201


@pytest.mark.django_db(transaction=True)
class TestOneTransaction:
    """`once`: effect and answer are there together or not at all."""

    @pytest.mark.parametrize("headers", [{}, KEY], ids=["without a key", "with a key"])
    @pytest.mark.parametrize("error", [views.TheatreClosed(), ZeroDivisionError()], ids=["refused", "failed"])
    def test_undoes_what_the_action_did_before_it_was_refused(self, hamlet, script, headers, error):
        script.after = raises(error)

        assert hamlet.post("/api/plays", HAMLET, **headers).status_code in (409, 500)
        assert staged() == 0

    def test_undoes_the_effect_when_the_answer_cannot_be_stored(self, hamlet, monkeypatch):
        monkeypatch.setattr(idempotency, "_write", lambda *_arguments, **_answer: 1 / 0)

        assert hamlet.post("/api/plays", HAMLET, **KEY).status_code == 500
        assert staged() == 0

    def test_stores_no_answer_when_the_effect_does_not_come_to_be(self, hamlet, script):
        script.after = raises(ZeroDivisionError())

        hamlet.post("/api/plays", HAMLET, **KEY)

        assert http.IdempotentAnswer.objects.count() == 0


@pytest.mark.django_db(transaction=True)
class TestAcross:
    """An effect that commits on its way and was cut off is resumed by the same request, and by no other."""

    @pytest.fixture
    def _cut_off(self, hamlet, script):
        script.after = raises(ZeroDivisionError())
        assert hamlet.post("/api/journeys", HAMLET, **KEY).status_code == 500
        script.after = lambda: None

    @pytest.mark.usefixtures("_cut_off")
    def test_runs_the_action_again_for_the_same_body(self, hamlet):
        assert hamlet.post("/api/journeys", HAMLET, **KEY).status_code == 201

    @pytest.mark.usefixtures("_cut_off")
    def test_refuses_another_body(self, hamlet):
        response = hamlet.post("/api/journeys", HAMLET | {"price": 6}, **KEY)

        assert refusal(response) == (422, "idempotency_key_reused")

    def test_runs_outside_of_any_transaction(self, hamlet, script):
        seen = []
        script.before = lambda: seen.append(connection.in_atomic_block)

        hamlet.post("/api/journeys", HAMLET, **KEY)

        assert seen == [False]

    @pytest.mark.usefixtures("_cut_off")
    def test_lets_its_lock_go_whatever_happens(self, hamlet):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
            assert cursor.fetchone() == (0,)


@either
@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    def both_at_once(self, hamlet, script, path):
        """Two requests with one key; the second comes while the first is inside its action."""
        gate = views.Gate()
        script.after = gate
        first = Thread(lambda: hamlet.post(path, HAMLET, **KEY))
        assert gate.reached.wait(20)
        script.after = lambda: None
        second = Thread(lambda: hamlet.post(path, HAMLET, **KEY))
        return gate, first, second

    def test_have_one_effect_and_the_second_does_not_wait(self, hamlet, script, path):
        gate, first, second = self.both_at_once(hamlet, script, path)

        early = second.answer()  # while the first is still held
        assert refusal(early) == (409, "still_running")
        gate.opened.set()
        assert first.answer().status_code == 201
        late = hamlet.post(path, HAMLET, **KEY)

        assert late.content == first.answer().content
        assert late.headers["Idempotency-Replayed"] == "true"
        assert staged() == 1

    def test_have_two_effects_without_the_lock(self, hamlet, script, path, monkeypatch):
        """The control: what the test above would see if the lock did nothing."""
        monkeypatch.setattr(idempotency, "_query", lambda _statement, _number: True)
        gate, first, second = self.both_at_once(hamlet, script, path)

        # The second has had its effect; whether it is committed yet depends on the row that both want to write.
        waiting.until(lambda: not second.is_alive() or self.is_waiting_for_a_row(), seconds=20)
        gate.opened.set()
        first.answer()
        second.answer()

        assert staged() == 2

    def is_waiting_for_a_row(self):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            return cursor.fetchone() is not None

    def test_of_different_keys_do_not_hinder_each_other(self, hamlet, script, path):
        gate = views.Gate()
        script.after = gate
        first = Thread(lambda: hamlet.post(path, HAMLET, **KEY))
        assert gate.reached.wait(20)
        script.after = lambda: None

        assert hamlet.post(path, HAMLET, **{"Idempotency-Key": "that-is-the-question"}).status_code == 201

        gate.opened.set()
        assert first.answer().status_code == 201

    def test_of_ten_have_one_effect_and_no_5xx(self, hamlet, path):
        start = threading.Barrier(10)

        def ask():
            start.wait(20)
            return hamlet.post(path, HAMLET, **KEY)

        answers = [thread.answer() for thread in [Thread(ask) for _ in range(10)]]

        assert staged() == 1
        assert {answer.status_code for answer in answers} <= {201, 409}
        assert len({answer.content for answer in answers if answer.status_code == 201}) == 1


@pytest.mark.django_db
def test_what_is_stored_is_the_answer_and_no_secret(hamlet):
    hamlet.post("/api/plays", HAMLET, **KEY)

    (answer,) = http.IdempotentAnswer.objects.all()
    assert (answer.status, answer.method, answer.path, answer.key) == (
        201,
        "POST",
        "/api/plays",
        KEY["Idempotency-Key"],
    )
    assert json.loads(answer.body)["title"] == "Hamlet"
    assert set(answer.headers) == {"Location", "ETag"}

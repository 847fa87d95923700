"""What is personal leaves the log and the parked messages of a closed account; what others count on stays."""

import uuid

import msgspec
import pytest
from django.db import transaction

from shared import ids
from shared.contracts import envelope as envelopes
from shared.contracts import events, redaction, users
from shared.messaging import intake, models, outbox, parked
from tests.shared.messaging import stage

pytestmark = pytest.mark.usefixtures("on_stage")

OPHELIA = uuid.UUID("01890000-0000-7000-8000-0000000000aa")
ADDRESS = "ophelia@elsinore.dk"


@pytest.fixture(autouse=True)
def deaf(monkeypatch):
    """The handler of users fails, and quotes what it was given."""
    monkeypatch.setitem(stage.HANDLERS, users.UserRegistered, trip)
    monkeypatch.setitem(stage.HANDLERS, users.UserClosed, lambda event, *, now: None)
    stage.subscriptions_anew()
    yield
    stage.subscriptions_anew()


def trip(event, *, now):
    raise stage.Refused(f"Key (email)=({event.email}) already exists")


def user(kind=users.UserRegistered, **members):
    usual = {
        "id": OPHELIA,
        "email": ADDRESS,
        "roles": (),
        "active": True,
        "tokens_valid_after": stage.NOW,
        "version": 0,
    }
    return kind(**{**usual, **members})


def closed():
    return user(users.UserClosed, email=None, active=False, version=9)


def hear(*bodies):
    intake.take(stage.deliveries(*bodies, sender="auth"), queue="orders.identity")


def redact():
    with transaction.atomic():
        parked.redact(aggregate="user", subject=str(OPHELIA), address=ADDRESS)


def put_aside():
    return models.ParkedMessage.objects.get()


def everything():
    return msgspec.json.encode([[bytes(row["body"]).decode(), row["error"], row["traceback"]] for row in _parked()])


def _parked():
    return models.ParkedMessage.objects.values("body", "error", "traceback")


class TestOfTheLog:
    @pytest.fixture
    def log(self):
        """Three lines: of Ophelia, numbered and sent; of a ticket with her id; of Ophelia, not sent yet."""
        for place, (type_, subject) in enumerate([("user.registered", OPHELIA), ("ticket.updated", OPHELIA)], 1):
            self.line(type_, subject, epoch=1, position=place, sent_at=stage.NOW)
        self.line("user.updated", OPHELIA)
        self.line("user.registered", ids.new())

    def line(self, type_, subject, **place):
        told = {"email": ADDRESS, "active": True}
        models.OutboxEvent.objects.create(type=type_, subject=str(subject), dataschema="x", data=told, **place)

    def redact(self):
        with transaction.atomic():
            outbox.redact(aggregate="user", subject=str(OPHELIA))

    def test_takes_the_address_out_of_what_was_sent_and_of_what_was_not(self, log):
        self.redact()

        told = [row.data for row in models.OutboxEvent.objects.filter(subject=str(OPHELIA), type__startswith="user.")]
        assert told == [{"email": None, "active": True, "redacted": True}] * 2

    def test_leaves_id_type_and_position(self, log):
        place = ("id", "event_id", "type", "subject", "epoch", "position", "occurred_at", "sent_at")
        before = list(models.OutboxEvent.objects.order_by("id").values_list(*place))

        self.redact()

        assert list(models.OutboxEvent.objects.order_by("id").values_list(*place)) == before

    def test_leaves_what_was_said_of_others_and_other_things(self, log):
        self.redact()

        untouched = models.OutboxEvent.objects.filter(data__email=ADDRESS).order_by("id")
        assert [(row.type, row.subject == str(OPHELIA)) for row in untouched] == [
            ("ticket.updated", True),
            ("user.registered", False),
        ]


class TestOfWhatIsParked:
    def test_is_needed(self):
        """The control: the payload, its error and its traceback hold the address."""
        hear(stage.body(user()))

        row = put_aside()
        assert all(ADDRESS in text for text in (row.text, row.error, row.traceback))

    def test_takes_the_address_out_of_payload_error_and_traceback(self):
        hear(stage.body(user()))

        redact()

        assert ADDRESS.encode() not in everything()
        assert put_aside().error == "Refused"

    def test_leaves_a_message_that_can_be_applied(self, monkeypatch):
        hear(stage.body(user()))
        before = envelopes.decode(bytes(put_aside().body))
        heard = []
        monkeypatch.setitem(stage.HANDLERS, users.UserRegistered, lambda event, *, now: heard.append(event))
        stage.subscriptions_anew()

        redact()

        after = envelopes.decode(bytes(put_aside().body))
        assert msgspec.structs.replace(after, data=before.data) == before
        assert parked.retry(parked_id=put_aside().id, now=stage.NOW) == "applied"
        assert heard == [user(email=None, redacted=True)]

    def test_also_of_what_was_applied_or_discarded_since(self):
        hear(stage.body(user()))
        parked.discard(parked_id=put_aside().id, reason="of no use", now=stage.NOW)

        redact()

        assert ADDRESS.encode() not in everything()
        assert put_aside().state == "discarded"

    def test_takes_members_that_this_release_does_not_know(self):
        envelope = stage.envelope(user())
        told = {**msgspec.json.decode(envelope.data), "phone": "+45 1601"}
        hear(envelopes.encode(msgspec.structs.replace(envelope, data=msgspec.Raw(msgspec.json.encode(told)))))

        redact()

        assert b"1601" not in everything()

    @pytest.mark.parametrize(
        "data", [b'"ophelia@elsinore.dk"', b'{"id": 5, "roles": "ophelia@elsinore.dk"}'], ids=["no object", "misplaced"]
    )
    def test_keeps_nothing_of_an_address_in_the_wrong_place(self, data):
        hear(envelopes.encode(msgspec.structs.replace(stage.envelope(user()), data=msgspec.Raw(data))))

        redact()

        assert ADDRESS.encode() not in everything()

    @pytest.mark.parametrize("trace", [ADDRESS, str(OPHELIA)], ids=["address", "id"])
    def test_empties_what_cannot_be_read(self, trace):
        hear(f'{{"type": "user.registered", "of": "{trace}'.encode())

        redact()

        assert (bytes(put_aside().body), put_aside().error) == (b"", "Malformed")
        assert parked.retry(parked_id=put_aside().id, now=stage.NOW) == "parked"

    def test_leaves_the_messages_of_others(self):
        other = stage.body(user(id=ids.new(), email="hamlet@elsinore.dk"))
        hear(other, b'{"of": "hamlet@elsinore.dk"')
        before = everything()

        redact()

        assert everything() == before


class TestOfWhatComesLate:
    def test_is_done_as_it_is_parked(self):
        """Told again in an epoch of its own, so that it counts as news, and its handler stumbles over it."""
        hear(stage.body(closed()))

        hear(stage.body(user(), epoch=2))

        assert put_aside().type == "user.registered"
        assert b"elsinore" not in everything()

    def test_is_not_done_to_an_account_that_is_open(self):
        hear(stage.body(user(users.UserUpdated, version=3)))

        hear(stage.body(user(), epoch=2))

        assert ADDRESS in put_aside().text


class TestOfAnEvent:
    @pytest.mark.parametrize("kind", [event for event in users.EVENTS if issubclass(event, users.UserEvent)])
    def test_is_valid_and_says_closed(self, kind):
        envelope = redaction.redacted(stage.envelope(user(kind)))

        event = events.from_data(kind, envelope.data)
        assert (event.email, event.redacted, event.status) == (None, True, redaction.CLOSED)

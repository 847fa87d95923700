"""The permissions of topology.definitions on a real node: what a service that was taken over can do to the others."""

import amqp
import pytest

from shared.contracts import users
from shared.identity import models
from shared.messaging import intake, topology
from shared.messaging import models as messaging
from shared.testing import brokers, trespass
from tests.shared.identity import people
from tests.shared.messaging import stage

pytestmark = pytest.mark.rabbitmq

EVERY_ACT = [act for service in topology.SERVICES for act in trespass.acts(service)]
OF_OTHERS = [(user, vhost) for vhost in topology.CELERY_VHOSTS for user in topology.SERVICES if user != vhost]


def enter(node, user, vhost):
    where = f"{node.host}:{node.port}"
    secret = brokers.PASSWORDS[user]
    connection = amqp.Connection(where, virtual_host=vhost, login_method="PLAIN", userid=user, password=secret)
    try:
        connection.connect()
    finally:
        connection.collect()


class TestTrespass:
    @pytest.mark.parametrize("act", EVERY_ACT, ids=str)
    def test_is_refused(self, rabbitmq_broker, act):
        with pytest.raises(amqp.exceptions.AccessRefused), rabbitmq_broker.administration(act.by) as channel:
            act.do(channel)

    def test_is_refused_for_who_does_it_and_for_nothing_else(self, rabbitmq_node):
        """The control: the same acts by somebody who may do everything."""
        left_out = ("empties", "deletes", "overhears", "binds", "consumes")

        for act in trespass.acts("orders"):
            if not act.name.startswith(left_out):
                with rabbitmq_node.administration() as channel:
                    act.do(channel)
        with rabbitmq_node.administration() as channel:
            for other in topology.SERVICES:
                for name in (f"{other}.{trespass.PREFIX}", f"orders.{trespass.PREFIX}.{other}"):
                    channel.queue_delete(name)
                    channel.exchange_delete(name)
            channel.queue_delete(f"ordersx.{trespass.PREFIX}")

    @pytest.mark.parametrize("service", topology.SERVICES)
    def test_is_none_with_what_is_ones_own(self, rabbitmq_node, service):
        queue = topology.queues(service)[-1]

        with rabbitmq_node.administration(service) as channel:
            trespass.say(topology.exchange(service), user_id=service)(channel)
            trespass.say(topology.direct(service), user_id=service)(channel)
            assert channel.basic_get(queue.name, no_ack=True).properties["user_id"] == service
            for source in queue.exchanges:
                channel.queue_bind(queue.name, source)

    @pytest.mark.parametrize(("user", "vhost"), OF_OTHERS)
    def test_is_to_enter_the_vhost_of_anothers_worker(self, rabbitmq_node, user, vhost):
        enter(rabbitmq_node, vhost, vhost)
        with pytest.raises(amqp.exceptions.NotAllowed):
            enter(rabbitmq_node, user, vhost)

    @pytest.mark.parametrize("user", topology.SERVICES)
    def test_finds_no_other_vhost(self, rabbitmq_node, user):
        with pytest.raises(amqp.exceptions.NotAllowed):
            enter(rabbitmq_node, user, "/")


class TestAFalseName:
    @pytest.mark.parametrize("service", topology.SERVICES)
    def test_is_refused_whosever_it_is(self, rabbitmq_node, service):
        for name in {*topology.SERVICES, "admin", "nobody"} - {service}:
            with (
                pytest.raises(amqp.exceptions.PreconditionFailed, match="user_id"),
                rabbitmq_node.administration(service) as channel,
            ):
                trespass.say(topology.exchange(service), user_id=name)(channel)

    def test_is_refused_to_the_administrator_as_well(self, rabbitmq_node):
        with pytest.raises(amqp.exceptions.PreconditionFailed), rabbitmq_node.administration() as channel:
            trespass.say("auth.events", user_id="auth")(channel)


@pytest.mark.django_db
class TestAForgedBan:
    """Of the suite's own service, which is called orders: by tickets, which may speak to it."""

    @pytest.fixture(autouse=True)
    def ophelia(self, settings):
        settings.MESSAGING_HANDLERS = ["shared.identity.handlers"]
        hear("auth", stage.body(people.event()))
        return models.User.objects.get(pk=people.OPHELIA)

    @pytest.fixture
    def ban(self):
        return stage.body(people.banned(version=1, tokens_valid_after=people.NOW), position=2)

    def test_never_gets_onto_the_exchange_of_auth(self, rabbitmq_node, ban):
        for name in ({}, {"user_id": "tickets"}):
            with pytest.raises(amqp.exceptions.AccessRefused), rabbitmq_node.administration("tickets") as channel:
                trespass.say("auth.events", ban, **name)(channel)

    @pytest.mark.parametrize("name", [{}, {"user_id": "tickets"}], ids=["nameless", "named"])
    def test_said_to_a_service_alone_arrives_and_is_discarded(self, rabbitmq_node, subscribing, ban, ophelia, name):
        with rabbitmq_node.administration("tickets") as channel:
            trespass.say("orders.direct", ban, **name)(channel)

        heard = received(subscribing(rabbitmq_node, "orders.inbox"))

        ophelia.refresh_from_db()
        assert [delivery.sender for delivery in heard] == [name.get("user_id")]
        assert ophelia.active
        assert not messaging.InboxEvent.objects.filter(type=users.UserBanned.TYPE).exists()

    def test_said_as_ones_own_is_discarded(self, rabbitmq_node, subscribing, ban, ophelia):
        claimed = ban.replace(b'"/auth"', b'"/tickets"')
        with rabbitmq_node.administration("tickets") as channel:
            trespass.say("tickets.events", claimed, user_id="tickets")(channel)

        received(subscribing(rabbitmq_node, "orders.inbox"))

        ophelia.refresh_from_db()
        assert claimed != ban
        assert ophelia.active

    def test_is_believed_of_auth(self, rabbitmq_node, subscribing, ban, ophelia):
        """The control: the same bytes, from the one who may say them."""
        with rabbitmq_node.administration("auth") as channel:
            trespass.say("auth.events", ban, user_id="auth")(channel)

        received(subscribing(rabbitmq_node, "orders.identity"))

        ophelia.refresh_from_db()
        assert not ophelia.active


def hear(sender, *bodies):
    intake.take(stage.deliveries(*bodies, sender=sender), queue="orders.identity")


def received(reader):
    """What is in the queue, taken in as the service would."""
    deliveries = reader.receive(limit=10, wait=10)
    intake.take(deliveries, queue="orders.inbox")
    reader.acknowledge(deliveries)
    return deliveries

import re

import amqp
import pytest

from shared.messaging import topology
from shared.testing import brokers


class TestWhoListens:
    def test_everybody_but_auth_hears_auth_on_a_queue_of_its_own(self):
        everybody_else = set(topology.SERVICES) - {"auth"}

        assert topology.listeners("auth.events") == {f"{service}.identity" for service in everybody_else}

    def test_the_rest_goes_to_the_inboxes(self):
        """At least: a service that is added hears tickets and orders as well."""
        assert topology.listeners("tickets.events") >= {"orders.inbox"}
        assert topology.listeners("orders.events") >= {"tickets.inbox", "payments.inbox"}
        assert topology.listeners("payments.events") == {"orders.inbox"}

    def test_what_is_said_to_one_service_alone_reaches_its_inbox_only(self):
        for service in topology.SERVICES:
            assert topology.listeners(topology.direct(service)) == {f"{service}.inbox"}

    def test_auth_reads_only_what_is_said_to_it_alone(self):
        assert topology.queues("auth") == (topology.Queue("auth.inbox", "auth", ("auth.direct",)),)


class TestPeers:
    def test_are_those_one_listens_to_and_those_who_listen(self):
        assert topology.peers("auth") == topology.SERVICES[1:]
        assert topology.peers("payments") == ("auth", "orders")

    def test_alone_may_speak_to_a_service_directly(self):
        assert topology.speakers("payments.direct") == ("auth", "orders")
        assert topology.speakers("payments.events") == ("payments",)


class TestPermissions:
    @pytest.mark.parametrize(
        ("service", "right", "name", "granted"),
        [
            ("orders", "write", "orders.events", True),
            ("orders", "write", "tickets.events", False),
            ("orders", "read", "tickets.events", True),
            ("orders", "read", "tickets.inbox", False),
            ("payments", "read", "tickets.events", False),
            ("orders", "configure", "orders.inbox", True),
            ("orders", "configure", "ordersx.inbox", False),
            ("auth", "read", "orders.events", False),
            ("orders", "write", "tickets.direct", True),
            ("tickets", "write", "orders.direct", True),
            ("tickets", "write", "payments.direct", False),
            ("orders", "read", "tickets.direct", False),
            ("orders", "configure", "tickets.direct", False),
        ],
    )
    def test_end_at_ones_own_name_and_what_one_hears(self, service, right, name, granted):
        assert bool(re.search(topology.permissions(service)[right], name)) is granted


class TestDefinitions:
    def test_tell_no_password(self):
        told = topology.definitions(brokers.PASSWORDS, admin_password="opening night")

        assert not [secret for secret in [*brokers.PASSWORDS.values(), "opening night"] if secret in str(told)]

    def test_every_queue_is_quorum_and_never_drops(self):
        told = topology.definitions(brokers.PASSWORDS, admin_password="opening night")

        assert {queue["arguments"]["x-queue-type"] for queue in told["queues"]} == {"quorum"}
        assert {queue["arguments"]["x-delivery-limit"] for queue in told["queues"]} == {1_000_000}
        assert not [queue for queue in told["queues"] if "x-dead-letter-exchange" in queue["arguments"]]


@pytest.mark.rabbitmq
class TestInARealNode:
    """Which has nothing but these definitions."""

    @pytest.mark.parametrize("queue", [queue.name for queue in topology.all_queues()])
    def test_every_queue_is_there(self, rabbitmq_node, queue):
        with rabbitmq_node.administration() as channel:
            assert channel.queue_declare(queue, passive=True).queue == queue

    @pytest.mark.parametrize(
        ("user", "act"),
        [
            ("orders", lambda channel: channel.queue_declare("tickets.inbox", durable=True)),
            ("orders", lambda channel: channel.basic_consume("tickets.inbox")),
            ("orders", lambda channel: channel.queue_purge("payments.inbox")),
            ("payments", lambda channel: channel.queue_bind("payments.inbox", "tickets.events")),
            ("orders", lambda channel: channel.exchange_delete("tickets.events")),
            ("tickets", lambda channel: channel.basic_publish_confirm(amqp.Message("x"), "orders.events")),
            ("tickets", lambda channel: channel.basic_publish_confirm(amqp.Message("x"), "", "orders.inbox")),
        ],
        ids=["declare", "consume", "purge", "bind", "delete", "publish", "default exchange"],
    )
    def test_what_is_another_services_is_refused(self, rabbitmq_node, user, act):
        with (
            pytest.raises(amqp.exceptions.AccessRefused),
            rabbitmq_node.administration(user) as channel,
        ):
            act(channel)

    def test_nobody_comes_in_as_guest(self, rabbitmq_node):
        where = {"host": f"{rabbitmq_node.host}:{rabbitmq_node.port}", "login_method": "PLAIN"}

        with pytest.raises(amqp.exceptions.AccessRefused):
            amqp.Connection(**where, userid="guest", password="guest").connect()

    def test_each_service_alone_enters_the_vhost_of_its_celery(self, rabbitmq_node):
        where = {
            "host": f"{rabbitmq_node.host}:{rabbitmq_node.port}",
            "virtual_host": "payments",
            "login_method": "PLAIN",
        }
        with amqp.Connection(**where, userid="payments", password=brokers.PASSWORDS["payments"]) as connection:
            connection.channel().queue_declare("celery")

        with pytest.raises(amqp.exceptions.NotAllowed):
            amqp.Connection(**where, userid="orders", password=brokers.PASSWORDS["orders"]).connect()

"""What a container cannot do to another one's service, each with the thing that it can."""

import contextlib
from urllib.parse import urlsplit

import amqp
import pytest

from deploy.local.refusals import Refusal
from shared.messaging import topology
from shared.testing import trespass

CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
except (socket.gaierror, TimeoutError) as error:
    print(error)
else:
    print("connected")
"""
RESOLVER = "RES_OPTIONS=timeout:1 attempts:1"
DATABASES = [(service, other) for service in ("orders", "payments") for other in topology.SERVICES if other != service]


def reaches(market, process, place, *, port=5432):
    """Whether a process opens a connection to whoever listens at a name or address; on PostgreSQL's port by itself."""
    container = market.containers(process)[0]["Id"]
    # A resolver that nobody answers is asked once, for a second.
    return (
        market.stack.docker("exec", f"--env={RESOLVER}", container, "python", "-c", CONNECT, place, str(port))
        == "connected"
    )


class TestADatabase:
    @pytest.mark.parametrize("service", ["orders", "payments"])
    def test_is_reached_by_its_own_service(self, market, service):
        assert reaches(market, f"{service}.web", f"{service}-postgres")
        assert reaches(market, f"{service}.web", market.address(f"{service}.postgres", f"{service}-data"))

    @pytest.mark.parametrize(("service", "other"), DATABASES)
    def test_is_not_reached_by_another_one_by_name_or_address(self, market, service, other):
        assert not reaches(market, f"{service}.web", f"{other}-postgres")
        assert not reaches(market, f"{service}.web", market.address(f"{other}.postgres", f"{other}-data"))

    def test_is_of_a_role_that_is_no_superuser(self, behind):
        for service in topology.SERVICES:
            (role,) = behind.run(service, "SELECT * FROM pg_roles WHERE rolname = current_user")
            assert (role["rolname"], role["rolsuper"], role["rolcreatedb"], role["rolcreaterole"]) == (
                service, False, False, False,
            )  # fmt: skip


class TestAWorker:
    """Auth's and payments' both lead out of the market, and not to each other."""

    def test_is_reached_where_it_may_be(self, market):
        assert reaches(market, "auth.web", "auth-worker", port=8000)
        assert reaches(market, "auth.worker", market.address("auth.worker", "auth-outside"), port=8000)

    @pytest.mark.parametrize("process", ["payments.web", "payments.worker"])
    def test_of_auth_is_not_reached_by_payments(self, market, process):
        assert not reaches(market, process, "auth-worker", port=8000)
        assert not reaches(market, process, market.address("auth.worker", "auth-outside"), port=8000)

    def test_of_payments_is_not_reached_by_that_of_auth(self, market):
        assert reaches(market, "payments.web", market.address("payments.worker", "payments-outside"), port=8000)
        assert not reaches(market, "auth.worker", "payments-worker", port=8000)
        assert not reaches(market, "auth.worker", market.address("payments.worker", "payments-outside"), port=8000)


class TestTheBroker:
    """The permissions that it was given by definitions.json."""

    @contextlib.contextmanager
    def channel(self, market, service, *, vhost=topology.VHOST):
        place = f"{market.address('broker', service)}:5672"
        password = urlsplit(market.secret(f"{service}.broker_url")).password
        who = {"userid": service, "password": password, "login_method": "PLAIN"}
        with amqp.Connection(place, virtual_host=vhost, **who) as connection:
            yield connection.channel()

    @pytest.mark.parametrize("service", topology.SERVICES)
    def test_lets_a_service_do_what_is_its_own(self, market, service):
        with self.channel(market, service) as channel:
            for queue in topology.queues(service):
                assert channel.queue_declare(queue.name, passive=True).consumer_count >= 1

    @pytest.mark.parametrize(
        "act", [act for service in topology.SERVICES for act in trespass.essential_acts(service)], ids=str
    )
    def test_refuses_what_is_not(self, market, act):
        with pytest.raises(amqp.exceptions.AccessRefused), self.channel(market, act.by) as channel:
            act.do(channel)

    def test_refuses_a_false_name(self, market):
        with (
            pytest.raises(amqp.exceptions.PreconditionFailed, match="user_id"),
            self.channel(market, "orders") as channel,
        ):
            trespass.say("orders.events", user_id="auth")(channel)


class TestAContainer:
    def test_runs_as_nobody_in_particular_and_writes_nowhere(self, market):
        script = "import os; assert os.getuid() == 10001; open('/app/written', 'w')"
        container = market.containers("orders.web")[0]["Id"]

        with pytest.raises(Refusal) as refused:
            market.stack.docker("exec", container, "python", "-c", script)

        assert "Read-only file system" in refused.value.why

from urllib.parse import urlsplit

import pytest

from deploy.local import brokers, cluster, databases, graph, homes, market_state, ports, rabbitmq, services, spec
from deploy.local.refusals import Refusal
from shared.messaging import topology


@pytest.fixture
def erlang(monkeypatch):
    """A machine on which RabbitMQ is installed, as far as the graph looks."""
    monkeypatch.setattr(brokers, "program", lambda: "/usr/lib/rabbitmq/bin/rabbitmq-server")
    monkeypatch.setattr(rabbitmq.shutil, "which", lambda name: f"/usr/bin/{name}")


@pytest.fixture
def bare(monkeypatch):
    """A machine without RabbitMQ and without a BROKER_URL."""
    monkeypatch.setattr(brokers, "program", lambda: None)
    monkeypatch.delenv("BROKER_URL", raising=False)


def market(home, broker, **options):
    return graph.market(home, port=ports.free(), broker=broker, **options)


def all_before(steps, name):
    """Everything that must be ready before the step `name`, however far back."""
    after = {step.name: set(step.after) for step in steps}
    found, todo = set(), set(after[name])
    while todo:
        one = todo.pop()
        found.add(one)
        todo |= after[one] - found
    return found


@pytest.mark.parametrize("broker", ["embedded", "rabbitmq"])
@pytest.mark.usefixtures("erlang")
class TestSteps:
    def test_every_step_waits_only_for_steps_that_exist(self, home, broker):
        steps = graph.steps(market(home, broker))
        names = [step.name for step in steps]

        assert len(names) == len(set(names))
        assert all(set(step.after) <= set(names) for step in steps)

    def test_a_service_starts_after_its_own_database_and_migrations(self, home, broker):
        steps = graph.steps(market(home, broker))

        for service in services.NAMES:
            before = all_before(steps, f"{service}.web")
            assert {f"{service}.postgres", f"{service}.role", f"{service}.migrate"} <= before
            assert not {name for name in before if name.split(".")[0] in set(services.NAMES) - {service}}

    def test_the_web_waits_for_no_broker_but_messaging_does(self, home, broker):
        steps = graph.steps(market(home, broker))

        for service in services.NAMES:
            assert "broker" not in all_before(steps, f"{service}.web")
            assert "broker" in all_before(steps, f"{service}.messaging")

    def test_auth_has_a_key_before_it_serves(self, home, broker):
        assert "auth.keys" in all_before(graph.steps(market(home, broker)), "auth.web")

    def test_the_gateway_comes_last_and_so_ends_first(self, home, broker):
        steps = graph.steps(market(home, broker))
        processes = {step.name for step in steps if isinstance(step, spec.Process)}

        assert processes - all_before(steps, "gateway") <= {"gateway"}
        assert not [step.name for step in steps if "gateway" in step.after]

    def test_the_processes_are_these(self, home, broker):
        names = {step.name for step in graph.steps(market(home, broker)) if isinstance(step, spec.Process)}

        assert names - {"broker.epmd"} == {
            *(f"{service}.{kind}" for service in services.NAMES for kind in ("postgres", "web", "messaging")),
            "auth.worker",
            "payments.worker",
            "broker",
            "gateway",
        }

    def test_no_process_but_the_gateway_has_a_fixed_port(self, home, broker):
        chosen = market(home, broker)
        listening = [step.port for step in graph.steps(chosen) if isinstance(step, spec.Process)]

        assert len(listening) == len(set(listening))
        assert [port for port in listening if port not in chosen.ports.values()] == [chosen.port]


@pytest.mark.usefixtures("erlang")
class TestCluster:
    @pytest.fixture
    def chosen(self, home):
        places = [
            {"name": name, "namespace": f"/proc/{n}/ns/net", "peer": f"198.19.0.{n}", "address": f"198.18.0.{n}"}
            for n, name in enumerate(cluster.names(), 1)
        ]
        return market(home, "cluster", rig={"nodes": places})

    def test_nothing_is_declared_before_all_nodes_are_there(self, chosen):
        steps = graph.steps(chosen)

        assert set(cluster.names()) <= all_before(steps, "broker")
        for service in services.NAMES:
            assert "broker" in all_before(steps, f"{service}.messaging")

    def test_a_service_is_told_every_node(self, chosen):
        told = services.environment(chosen, "payments")

        for name, vhost in (("BROKER_URL", "market"), ("CELERY_BROKER_URL", "payments")):
            nodes = [urlsplit(url) for url in told[name].split(";")]
            assert [node.hostname for node in nodes] == ["198.18.0.1", "198.18.0.2", "198.18.0.3"]
            assert {(node.username, node.path) for node in nodes} == {("payments", f"/{vhost}")}

    def test_every_node_is_told_the_same(self, home, chosen):
        (settings,) = (step for step in graph.steps(chosen) if step.name == "broker.settings")

        settings.action()

        for name in ("rabbitmq.conf", ".erlang.cookie", "hosts"):
            assert len({path.read_text() for path in home.broker.glob(f"broker-*/{name}")}) == 1
        assert "pause_minority" in (home.broker / "broker-1" / "rabbitmq.conf").read_text()
        assert '{host, {198,19,0,2}, ["broker-2"]}.' in (home.broker / "broker-1" / "hosts").read_text()


@pytest.mark.usefixtures("erlang")
class TestEnvironment:
    def test_no_service_is_told_the_secrets_of_another(self, home):
        chosen = market(home, "embedded")
        told = {service: services.environment(chosen, service) for service in services.NAMES}
        secrets = {path.name: path.read_text() for path in home.secrets.iterdir()}

        for service, environment in told.items():
            words = " ".join(environment.values())
            others = {name for name, secret in secrets.items() if secret in words and service not in name}
            assert not others
        assert databases.SUPERUSER_SECRET not in secrets or all(
            secrets[databases.SUPERUSER_SECRET] not in " ".join(words.values()) for words in told.values()
        )

    def test_each_service_is_told_what_only_it_needs(self, home):
        chosen = market(home, "rabbitmq", order_window=7, limits=True)
        told = {service: services.environment(chosen, service) for service in services.NAMES}

        def having(name):
            return [service for service in services.NAMES if name in told[service]]

        assert having("JWKS_URL") == [service for service in services.NAMES if service != "auth"]
        assert having("CELERY_BROKER_URL") == ["auth", "payments"]
        for name in ("SIGNING_SECRET", "REFRESH_SECRET", "EMAIL_URL", "LIMITS_PER_ADDRESS"):
            assert having(name) == ["auth"]
        assert having("ORDER_WINDOW_SECONDS") == ["orders"]
        assert told["orders"]["ORDER_WINDOW_SECONDS"] == "7"
        assert told["auth"]["LIMITS_PER_ADDRESS"] == "true"

    def test_the_limits_of_addresses_are_off_unless_asked_for(self, home):
        assert services.environment(market(home, "embedded"), "auth")["LIMITS_PER_ADDRESS"] == "false"

    def test_what_this_shell_says_about_other_databases_is_not_passed_on(self, home, monkeypatch):
        monkeypatch.setenv("PGPASSWORD", "of something else")
        monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "of.something.else")

        told = services.environment(market(home, "embedded"), "orders")

        assert not {"PGPASSWORD", "DJANGO_SETTINGS_MODULE"} & set(told)

    def test_celery_gets_a_place_of_its_own_on_either_broker(self, home):
        for broker, place in (("embedded", "/celery_payments"), ("rabbitmq", "/payments")):
            told = services.environment(market(home, broker), "payments")
            assert told["CELERY_BROKER_URL"].endswith(place)
            assert told["BROKER_URL"] != told["CELERY_BROKER_URL"]


class TestChoiceOfBroker:
    @pytest.mark.usefixtures("bare")
    def test_auto_is_embedded_where_no_rabbitmq_is(self, home):
        assert brokers.choose(home, "auto") == "embedded"

    @pytest.mark.usefixtures("erlang")
    def test_auto_is_rabbitmq_where_it_is(self, home, monkeypatch):
        monkeypatch.delenv("BROKER_URL", raising=False)

        assert brokers.choose(home, "auto") == "rabbitmq"

    @pytest.mark.usefixtures("erlang")
    def test_auto_stays_with_what_the_market_used_for_messages_may_wait_there(self, home, monkeypatch):
        monkeypatch.delenv("BROKER_URL", raising=False)
        brokers.choose(home, "embedded")

        assert brokers.choose(home, "auto") == "embedded"

    @pytest.mark.usefixtures("bare")
    def test_asking_for_rabbitmq_where_none_is_says_how_to_get_it(self, home):
        with pytest.raises(Refusal, match="There is no RabbitMQ") as refused:
            brokers.choose(home, "rabbitmq")

        assert "apt-get install rabbitmq-server" in str(refused.value)
        assert "--broker embedded" in str(refused.value)

    def test_a_given_address_is_used_with_the_name_of_the_service_in_it(self, home, monkeypatch):
        monkeypatch.setenv("BROKER_URL", "amqp://{service}:secret@rabbit.example/market")
        chosen = market(home, "auto")

        assert chosen.broker == "given"
        told = services.environment(chosen, "orders")
        assert told["BROKER_URL"] == "amqp://orders:secret@rabbit.example/market"
        assert "broker" not in {step.name for step in graph.steps(chosen)}


class TestHome:
    def test_a_secret_is_made_once_and_read_by_nobody_else(self, home):
        first = home.secret("orders.secret_key")

        assert homes.Home(home.path).secret("orders.secret_key") == first
        assert len(first) >= 50
        assert (home.secrets / "orders.secret_key").stat().st_mode & 0o777 == 0o600
        assert home.path.stat().st_mode & 0o777 == 0o700

    def test_a_secret_that_somebody_has_written_ends_before_the_end_of_its_line(self, home):
        made = home.secret("broker.orders")
        (home.secrets / "broker.orders").write_text(f"{made}\n")

        assert home.secret("broker.orders") == made

    def test_empty_leaves_nothing(self, home):
        home.secret("a")
        shelter = home.shelter

        home.empty()

        assert not home.path.exists()
        assert not shelter.exists()

    def test_commands_that_ask_no_database_need_no_market(self, home):
        chosen = market_state.known(home)

        assert set(topology.SERVICES) == set(services.NAMES)
        assert all(services.environment(chosen, service)["DATABASE_URL"] for service in services.NAMES)

    def test_the_others_say_that_none_is_running(self, home):
        with pytest.raises(Refusal) as refused:
            market_state.require(home)

        assert str(refused.value) == "No market is running here.\n  do:  start one: ./manage_all.py up"

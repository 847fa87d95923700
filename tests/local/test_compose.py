"""The files of the containers, as docker-compose understands them, and the secrets that they ask for. No engine."""

import json
import os
import re
from urllib.parse import urlsplit

import pytest
import yaml

from deploy.compose import secret_files, stack
from deploy.local import files, homes, services
from deploy.local.refusals import Refusal
from shared.messaging import topology

SHARED = {"gateway", "rabbitmq", "prometheus", "jaeger", "auth-web"}
"""Who is on the network of every service."""


@pytest.fixture(scope="module")
def model():
    return stack.here().model()


@pytest.fixture
def place(tmp_path):
    return tmp_path / "secrets"


@pytest.fixture
def project(place):
    return stack.Stack({**os.environ, "ADMIT_ONE_SECRETS": str(place)})


def met_on(model, network):
    return {name for name, one in model["services"].items() if network in one["networks"]}


def processes(service):
    return {f"{service}-{kind}" for kind in services.processes(service)}


class TestContainers:
    def test_are_there_for_every_process_of_every_service(self, model):
        wanted = set().union(*(processes(service) for service in services.NAMES))
        wanted |= {f"{service}-{kind}" for service in services.NAMES for kind in ("migrate", "postgres")}

        assert wanted <= model["services"].keys()

    def test_are_allowed_nothing_that_they_do_not_need(self, model):
        for name, one in model["services"].items():
            assert one["read_only"] is True, name
            assert one["cap_drop"] == ["ALL"], name
            assert "cap_add" not in one, name
            assert one["security_opt"] == ["no-new-privileges:true"], name
            assert int(one["user"].partition(":")[0]) > 0, name
            assert {"pids_limit", "mem_limit", "cpus", "init", "logging", "stop_grace_period"} <= one.keys(), name
            assert one["logging"]["options"]["max-size"], name

    def test_are_watched_and_started_again_unless_they_end_by_themselves(self, model):
        once = {"auth-keys", *(f"{service}-migrate" for service in services.NAMES)}

        for name, one in model["services"].items():
            assert bool(one["healthcheck"].get("disable")) is (name in once), name
            assert one["restart"] == ("no" if name in once else "unless-stopped"), name

    def test_hear_the_world_at_one_place_and_operators_on_loopback(self, model):
        ports = {name: one["ports"] for name, one in model["services"].items() if one.get("ports")}

        assert ports.keys() == {"gateway", "prometheus", "grafana", "jaeger", "mail"}
        assert {port["host_ip"] for listed in ports.values() for port in listed} == {"127.0.0.1"}

    def test_of_web_are_two(self, model):
        assert all(model["services"][f"{service}-web"]["deploy"]["replicas"] == 2 for service in services.NAMES)

    def test_start_only_on_what_their_migrations_have_done(self, model):
        for service in services.NAMES:
            done = "auth-keys" if service == "auth" else f"{service}-migrate"
            for name in processes(service):
                assert model["services"][name]["depends_on"][done]["condition"] == "service_completed_successfully"


class TestNetworks:
    @pytest.mark.parametrize("service", services.NAMES)
    def test_of_a_service_are_met_by_what_all_share_and_by_nobody_else(self, model, service):
        assert met_on(model, service) == processes(service) | SHARED
        assert met_on(model, f"{service}-data") >= {f"{service}-postgres", *processes(service)}
        assert all(name.startswith(f"{service}-") for name in met_on(model, f"{service}-data"))
        assert met_on(model, "public") == {"gateway"}

    def test_lead_out_for_those_alone_who_call_somebody(self, model):
        outside = {name for name, one in model["networks"].items() if not one.get("internal")}

        assert outside == {"public", "operators", "auth-outside", "payments-outside"}
        assert met_on(model, "auth-outside") == {"auth-worker", "mail"}
        assert met_on(model, "payments-outside") == {"payments-web", "payments-worker"}

    @pytest.mark.parametrize("service", services.NAMES)
    def test_and_volumes_of_a_database_are_its_own(self, model, service):
        database = model["services"][f"{service}-postgres"]

        assert set(database["networks"]) == {f"{service}-data"}
        assert [one["source"] for one in database["volumes"] if one["type"] == "volume"] == [f"{service}-data"]


class TestListsElsewhere:
    def test_prometheus_looks_for_every_process(self):
        told = yaml.safe_load((homes.ROOT / "deploy/observability/prometheus/prometheus.yml").read_text())
        looked_up = [one for job in told["scrape_configs"] for one in job.get("dns_sd_configs", [])]
        names = {name for one in looked_up for name in one["names"]}

        assert names - {"rabbitmq"} == set().union(*(processes(service) for service in services.NAMES))

    def test_the_page_tells_every_name_that_the_files_ask_for(self):
        asked = {name for file in stack.PLACE.glob("*.yml") for name in re.findall(r"\$\{(\w+)", file.read_text())}
        page = (homes.ROOT / "docs" / "operations.md").read_text()
        table = page.partition("\n## In containers\n")[2].partition("\n**Secrets.**")[0]

        assert asked >= {"ADMIT_ONE_ORIGIN", "LOG_LEVEL"}
        assert {name for name in asked if f"`{name}`" not in table} == set()

    def test_every_setting_of_the_gateway_is_told_at_its_head(self):
        head, _, rest = (homes.ROOT / "deploy" / "gateway" / "Caddyfile").read_text().partition("\n(redirects_on)")
        asked = set(re.findall(r"\{\$(GATEWAY_\w+)", rest))

        assert "GATEWAY_PROXIES" in asked
        assert {name for name in asked if f"#   {name} " not in head} == set()

    def test_the_gateway_knows_where_every_service_is(self, model):
        told = model["services"]["gateway"]["environment"]

        assert all(told[f"{service.upper()}_UPSTREAM"] == f"{service}-web 8000" for service in services.NAMES)


class TestSecrets:
    def test_reach_their_owner_alone(self, model):
        for name, one in model["services"].items():
            owners = {secret["source"].partition(".")[0] for secret in one.get("secrets", [])}
            expected = {"rabbitmq": {"definitions"}, "grafana": {"grafana"}}.get(name, {name.partition("-")[0]})
            assert owners <= expected, name

    def test_of_the_superuser_reach_the_database_alone(self, model):
        for name, one in model["services"].items():
            told = {secret["source"] for secret in one.get("secrets", [])}
            assert any("superuser" in secret for secret in told) is name.endswith("-postgres"), name

    def test_stand_in_no_file(self, model):
        told = [pair for one in model["services"].values() for pair in one.get("environment", {}).items()]

        assert not [name for name, _ in told if re.search("(SECRET|SECRET_KEY|PASSWORD|(?<!JWKS)_URL)$", name)]


class TestInit:
    def test_makes_every_secret_that_is_asked_for(self, project, place, model):
        told = secret_files.make(project)

        assert {path.name for path in place.iterdir()} >= model["secrets"].keys()
        assert len(told) == len(list(place.iterdir()))

    def test_lets_containers_read_them_and_nobody_else_enter(self, project, place):
        secret_files.make(project)

        assert place.stat().st_mode & 0o777 == 0o700
        assert {path.stat().st_mode & 0o777 for path in place.iterdir()} == {0o444}

    def test_changes_nothing_the_second_time(self, project, place):
        secret_files.make(project)
        before = {path.name: path.read_text() for path in place.iterdir()}

        assert secret_files.make(project) == []
        assert {path.name: path.read_text() for path in place.iterdir()} == before

    def test_adds_what_is_missing_and_keeps_the_rest(self, project, place):
        secret_files.make(project)
        kept = (place / "orders.postgres_password").read_text()
        (place / "orders.database_url").unlink()

        assert secret_files.make(project) == [f"made {place / 'orders.database_url'}"]
        assert f":{kept}@orders-postgres:5432/orders" in (place / "orders.database_url").read_text()

    def test_gives_the_broker_every_user_with_the_password_that_it_will_say(self, project, place):
        secret_files.make(project)

        users = {user["name"]: user for user in definitions(place)["users"]}
        assert users.keys() == {*topology.SERVICES, "admin"}
        for service in topology.SERVICES:
            password = (place / f"{service}.broker_password").read_text()
            assert secret_files._holds(users[service], password)
            assert not secret_files._holds(users[service], password + "x")
            assert f"//{service}:{password}@" in (place / f"{service}.broker_url").read_text()

    def test_takes_no_password_for_one_with_the_end_of_its_line(self, project, place):
        files.directory(place)
        passwords = ("orders.postgres_password", "orders.broker_password", secret_files.ADMIN)
        for name in passwords:
            (place / name).write_text("chosen\n")

        secret_files.make(project)

        (admin,) = (user for user in definitions(place)["users"] if user["name"] == "admin")
        assert secret_files._holds(admin, "chosen")
        for name in ("orders.database_url", "orders.broker_url"):
            assert urlsplit((place / name).read_text()).password == "chosen"

    def test_brings_the_broker_up_to_date_with_a_new_service(self, project, place, monkeypatch):
        with monkeypatch.context() as before:
            before.setattr(topology, "SERVICES", tuple(name for name in topology.SERVICES if name != "payments"))
            secret_files.make(project)
        old = {user["name"]: user["password_hash"] for user in definitions(place)["users"]}

        told = secret_files.make(project)

        new = {user["name"]: user["password_hash"] for user in definitions(place)["users"]}
        assert told == [f"brought up to date: {place / 'definitions.json'}"]
        assert new.keys() - old.keys() == {"payments"}
        assert old.items() <= new.items()

    def test_refuses_where_it_cannot_write(self, project, place):
        place.write_text("a file")

        with pytest.raises(Refusal, match="cannot be made"):
            secret_files.make(project)


def definitions(place):
    return json.loads((place / "definitions.json").read_text())

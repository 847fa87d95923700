"""The settings that all services share, as far as no other test sees them at work."""

import pytest
from django.db import connection

from shared.messaging import leadership
from shared.settings import base

ASKED = {"keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "3", "tcp_user_timeout": "10000"}


class TestDatabase:
    def options_of(self, monkeypatch, url):
        monkeypatch.setenv("DATABASE_URL", url)
        return base._database(base.Environment())["OPTIONS"]

    def test_keeps_what_its_address_asks_for(self, monkeypatch):
        options = self.options_of(monkeypatch, "postgres://orders@db/orders?sslmode=verify-full&sslrootcert=/ca.crt")

        assert (options["sslmode"], options["sslrootcert"]) == ("verify-full", "/ca.crt")
        assert options["options"] == "-c statement_timeout=15000"

    def test_lets_its_address_have_the_last_word(self, monkeypatch):
        options = self.options_of(monkeypatch, "postgres://orders@db/orders?connect_timeout=9")

        assert int(options["connect_timeout"]) == 9

    def test_adds_to_the_limits_what_its_address_asks_of_the_server(self, monkeypatch):
        options = self.options_of(monkeypatch, "postgres://orders@db/orders?options=-c%20search_path%3Dmarket")

        assert options["options"] == "-c statement_timeout=15000 -c search_path=market"

    def test_has_the_pool_of_its_setting_alone(self, monkeypatch):
        monkeypatch.setenv("DB_POOL_SIZE", "3")

        assert self.options_of(monkeypatch, "postgres://orders@db/orders?pool=1")["pool"]["max_size"] == 3

    @pytest.mark.django_db
    def test_notices_that_the_host_of_its_server_is_gone(self):
        connection.ensure_connection()

        assert ASKED.items() <= connection.connection.info.get_parameters().items()


class TestAConnectionBesideThePool:
    def test_notices_it_as_soon(self):
        with leadership.connect("test") as leader:
            assert ASKED.items() <= leader.info.get_parameters().items()

    def test_goes_where_the_address_says_with_all_that_it_asks_for(self, monkeypatch):
        asked = {**connection.settings_dict["OPTIONS"], "target_session_attrs": "read-write"}
        monkeypatch.setitem(connection.settings_dict, "OPTIONS", asked)

        with leadership.connect("test") as leader:
            told = leader.info.get_parameters()
            assert (told["target_session_attrs"], told["application_name"]) == ("read-write", "orders test")
            # The leader's own, which come after the ones of every connection.
            assert leader.execute("SHOW statement_timeout").fetchone() == ("30s",)

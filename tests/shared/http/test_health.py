import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from prometheus_client import multiprocess, parser, values

from shared.schema import pending


def no_key():
    return "no signing key is held yet"


def all_well():
    return None


@pytest.fixture(autouse=True)
def _unseen(monkeypatch, settings):
    monkeypatch.setattr(pending.migrations, "applied", False)
    settings.READINESS = [f"{__name__}.all_well"]


def reasons(response):
    assert response.status_code == 503
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Retry-After"] == "1"
    return [error["message"] for error in response.json()["errors"]]


@pytest.mark.django_db
class TestReady:
    @pytest.mark.parametrize("path", ["/readyz", "/readyz/"])
    def test_when_database_migrations_and_checks_are_well(self, nobody, path):
        response = nobody.get(path)

        assert (response.status_code, response.json()) == (200, {"status": "ok"})

    def test_not_while_a_check_gives_a_reason(self, nobody, settings):
        settings.READINESS = [f"{__name__}.all_well", f"{__name__}.no_key"]

        assert reasons(nobody.get("/readyz")) == ["no signing key is held yet"]

    def test_not_while_a_migration_is_missing(self, nobody):
        MigrationRecorder(connection).record_unapplied("http", "0001_initial")

        assert reasons(nobody.get("/readyz")) == ["1 migrations are not applied"]

    def test_without_looking_at_the_migrations_again(self, nobody, django_assert_num_queries):
        nobody.get("/readyz")

        with django_assert_num_queries(1):
            assert nobody.get("/readyz").status_code == 200

    def test_whoever_asks(self, nobody):
        assert nobody.get("/readyz", Authorization="Bearer nonsense").status_code == 200


@pytest.mark.django_db(transaction=True)
class TestDatabaseAway:
    @pytest.fixture(autouse=True)
    def _away(self, monkeypatch):
        connection.close()
        monkeypatch.setitem(connection.settings_dict, "PORT", "9")
        yield
        connection.close()

    def test_is_not_ready_and_says_no_more_than_needed(self, nobody):
        assert reasons(nobody.get("/readyz")) == ["the database does not answer"]

    def test_is_alive(self, nobody):
        assert nobody.get("/livez").status_code == 200

    def test_is_measured(self, nobody):
        assert nobody.get("/metrics").status_code == 200


class TestAlive:
    def test_asks_nobody(self, nobody):
        """Without the mark that allows it, this test cannot reach the database."""
        assert nobody.get("/livez").json() == {"status": "ok"}

    @pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
    def test_is_only_read(self, nobody, path):
        response = nobody.post(path, {})

        assert response.status_code == 405
        assert response.headers["Content-Type"] == "application/problem+json"


def samples(response):
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = parser.text_string_to_metric_families(response.content.decode())
    return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}


class TestMetrics:
    @pytest.mark.django_db
    def test_count_what_was_replayed(self, hamlet, nobody):
        before = samples(nobody.get("/metrics"))["http_idempotent_replays_total"]
        for _ in range(3):
            hamlet.post("/api/plays", {"title": "Hamlet", "price": 5}, **{"Idempotency-Key": "k"})

        assert samples(nobody.get("/metrics"))["http_idempotent_replays_total"] == before + 2

    def test_are_the_sum_over_all_processes(self, nobody, monkeypatch, tmp_path):
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
        for pid in (1, 2):
            counted = values.MultiProcessValue(lambda pid=pid: pid)
            counted("counter", "curtains", "curtains_total", (), (), "Curtains that fell").inc(pid)

        assert samples(nobody.get("/metrics")) == {"curtains_total": 3.0}

        multiprocess.mark_process_dead(1, str(tmp_path))
        assert samples(nobody.get("/metrics")) == {"curtains_total": 3.0}

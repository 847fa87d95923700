"""What is counted of tasks, by a worker that runs them."""

import pytest

from shared.testing import measures
from shared.work import application, metrics


@pytest.fixture
def app(settings):
    settings.CELERY_BROKER_URL = "memory://"
    app = application.make(periods={"orders.count_the_house": 7.0})

    @app.task(name="orders.count_the_house", shared=False)
    def count_the_house(*, fire=False):
        if fire:
            raise RuntimeError("fire!")

    metrics.watch(app)
    return app


def moving(metric):
    return measures.moving(metric, name="orders.count_the_house")


class TestTasks:
    def test_that_end_well_and_that_fail_are_counted_apart(self, app):
        told = [moving(f"celery_task_{what}") for what in ("succeeded_total", "failed_total", "runtime_seconds_count")]

        app.tasks["orders.count_the_house"].apply()
        app.tasks["orders.count_the_house"].apply()
        app.tasks["orders.count_the_house"].apply(kwargs={"fire": True})

        assert [count() for count in told] == [2, 1, 3]

    def test_are_told_of_before_the_first_has_run(self, app):
        (family,) = metrics.failed.collect()

        assert "orders.count_the_house" in {sample.labels["name"] for sample in family.samples}

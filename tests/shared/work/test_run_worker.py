"""The worker as its supervisor sees it."""

import os
import signal
import subprocess
import sys
import time

import psycopg
import pytest

from shared.messaging.brokers import pgmq
from shared.testing import postgres, waiting
from shared.work import application


@pytest.fixture(scope="module")
def broker():
    """The address of an empty broker for Celery."""
    server, name = os.environ["TEST_POSTGRES_URL"], f"celery_{os.getpid()}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    pgmq.install_empty(f"{server}/{name}")
    return f"{server}/{name}".replace("postgresql://", "pgmq://").replace("postgres://", "pgmq://")


@pytest.fixture
def started(broker, tmp_path):
    """`started()`: a worker in a process of its own."""
    processes = []

    def start():
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.shared.work.stage_settings",
            "CELERY_BROKER_URL": broker,
        }
        line = [sys.executable, "-m", "django", "run_worker", "--port", str(postgres.free_port())]
        with (tmp_path / "log").open("ab") as log:
            processes.append(subprocess.Popen(line, env=environment, stdout=log, stderr=log))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def perform(broker, settings, tmp_path):
    """Sends the task; `perform.begun()` tells how often it was begun."""
    settings.CELERY_BROKER_URL = broker

    class Performance:
        opened, done = tmp_path / "opened", tmp_path / "done"

        def __init__(self):
            application.make(periods={}).send_task("orders.perform", args=[str(tmp_path)])

        def begun(self):
            begun = tmp_path / "begun"
            return len(begun.read_text().splitlines()) if begun.exists() else 0

    return Performance


class TestSigterm:
    def test_lets_a_task_end(self, started, perform, tmp_path):
        worker, performance = started(), perform()
        waiting.until(lambda: performance.begun() == 1, seconds=30)

        worker.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(timeout=1)
        performance.opened.touch()

        assert worker.wait(timeout=10) == 0
        assert performance.done.exists()
        assert "shutdown" not in (tmp_path / "log").read_text()

    def test_gives_up_a_task_that_hangs_and_another_worker_begins_it_again(self, started, perform):
        worker, performance = started(), perform()
        waiting.until(lambda: performance.begun() == 1, seconds=30)

        began = time.monotonic()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=15) == 1
        assert time.monotonic() - began < 10

        started()
        performance.opened.touch()
        waiting.until(performance.done.exists, seconds=40)
        assert performance.begun() == 2

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid

import pytest

from shared.testing import collector, waiting

ROOT = pathlib.Path(__file__).resolve().parents[3]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """gunicorn with the configuration of every service, serving the playhouse."""

    def __init__(self, log, **told):
        self.port, self.log = free_port(), log
        line = [sys.executable, "-m", "gunicorn", "--config", "shared/settings/gunicorn.py"]
        line += [
            "--bind",
            f"127.0.0.1:{self.port}",
            "--log-level",
            "info",
            "tests.shared.http.playhouse.wsgi:application",
        ]
        environment = os.environ | {"LOG_LEVEL": "INFO", "DB_POOL_SIZE": "2", "WEB_THREADS": "4"} | told
        environment.pop("PROMETHEUS_MULTIPROC_DIR", None)
        with log.open("ab") as output:
            self.process = subprocess.Popen(line, cwd=ROOT, env=environment, stdout=output, stderr=output)

    def said(self, *words):
        """The lines of its log that have all these words."""
        return [line for line in self.log.read_text().splitlines() if all(word in line for word in words)]

    def answers(self):
        assert self.process.poll() is None, "gunicorn ended"
        try:
            return self.ask("GET", "/livez").status == 200
        except OSError:
            return False

    def ask(self, method, path, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            response.body = response.read()
            return response
        finally:
            connection.close()

    def say(self, raw):
        """Send bytes as they are; everything that comes back until the server hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(raw)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(timeout=20)


@contextlib.contextmanager
def running(folder, **told):
    server = Server(folder / "log", **told)
    try:
        waiting.until(server.answers, seconds=60, what="gunicorn")
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("gunicorn")) as server:
        yield server


class TestServer:
    def test_names_no_software(self, server):
        for path in ("/livez", "/api/nowhere"):
            assert server.ask("GET", path).headers["Server"] == "web"

    def test_answers_head_without_a_body(self, server):
        raw = server.say(b"HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

        assert raw.startswith(b"HTTP/1.1 200")
        assert raw.endswith(b"\r\n\r\n")

    def test_asks_for_the_length_of_a_body(self, server):
        response = server.ask("POST", "/api/plays", iter([b"{}"]), {"Content-Type": "application/json"})

        assert (response.status, response.headers["Content-Type"]) == (411, "application/problem+json")

    @pytest.mark.parametrize("path", ["/readyz", f"/api/plays/{uuid.uuid4()}"], ids=["ready", "view"])
    def test_says_503_when_the_pool_has_no_connection_to_give(self, server, path):
        """Its database does not exist: a test has another name for it."""
        response = server.ask("GET", path)

        assert (response.status, response.headers["Retry-After"]) == (503, "1")
        assert response.headers["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize(
        "raw",
        [
            b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 9000 + b"\r\n\r\n",
            b"GET /livez HTTP/1.1\r\nHost: x\r\n" + b"X-Many: 1\r\n" * 99 + b"\r\n",
            b"GET /livez HTTP/1.1\r\nHost : x\r\n\r\n",
            b"POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"nonsense\r\n\r\n",
        ],
        ids=["a long line", "a long header", "many headers", "a space in a name", "two lengths", "no HTTP"],
    )
    def test_refuses_what_is_no_decent_request(self, server, raw):
        answer = server.say(raw)

        assert re.match(rb"HTTP/1\.1 4\d\d ", answer)
        assert b"gunicorn" not in answer.lower()

    def test_takes_a_path_from_the_request_line_alone(self, server):
        """A header with an underscore could pass for a variable of WSGI."""
        raw = server.say(
            b"GET /livez HTTP/1.1\r\nHost: x\r\nPATH_INFO: /page\r\nSCRIPT_NAME: /livez\r\nConnection: close\r\n\r\n"
        )

        assert b'{"status": "ok"}' in raw

    def test_writes_one_line_for_each_request_in_the_service_s_own_way(self, server):
        server.ask("GET", "/api/nowhere", headers={"X-Request-ID": "ghost"})

        waiting.until(lambda: server.said('"request_id": "ghost"'), seconds=20)
        (line,) = server.said("/api/nowhere", "ghost")
        assert json.loads(line)["status"] == 404
        assert [line for line in server.said() if not line.startswith("{")] == []


def test_finishes_what_it_has_begun_before_it_ends(tmp_path):
    answers = []
    with running(tmp_path) as server:
        path = f"/api/hold?folder={tmp_path}"
        asking = threading.Thread(target=lambda: answers.append(server.ask("GET", path)), daemon=True)
        asking.start()
        waiting.until((tmp_path / "reached").exists, seconds=20, what="the request")

        server.process.send_signal(signal.SIGTERM)
        waiting.until(lambda: server.said("Handling signal: term"), seconds=20)
        (tmp_path / "opened").touch()

        asking.join(20)
        assert [answer.status for answer in answers] == [200]
        assert server.process.wait(timeout=20) == 0


class TestTold:
    """Spans, from processes that were forked after the service was loaded."""

    def test_by_every_process_also_as_it_ends(self, tmp_path):
        told = {"WEB_CONCURRENCY": "2", "OTEL_BSP_SCHEDULE_DELAY": "600000"}
        with (
            collector.Collector() as heard,
            running(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=heard.endpoint, **told) as server,
        ):
            waiting.until(lambda: len(server.said("Booting worker")) == 2, what="both workers")
            asked = [server.ask("GET", "/api/action").headers["traceparent"].split("-")[1] for _ in range(40)]
            assert server.stop() == 0

        assert sorted(span.trace for span in heard.told) == sorted(asked)
        assert len({span.instance for span in heard.told}) == 2

    def test_to_nobody_costs_no_time(self, tmp_path):
        """A collector that takes connections and never answers, with a queue that is soon full."""
        told = {"OTEL_BSP_SCHEDULE_DELAY": "10", "OTEL_BSP_MAX_QUEUE_SIZE": "5", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "5"}
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            endpoint = f"http://127.0.0.1:{deaf.getsockname()[1]}"
            with running(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, **told) as server:
                began = time.monotonic()
                assert {server.ask("GET", "/api/action").status for _ in range(50)} == {200}
                asked = time.monotonic()
                assert server.stop() == 0
                ended = time.monotonic()

        assert asked - began < 5
        assert ended - asked < 9

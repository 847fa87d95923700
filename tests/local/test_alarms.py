"""What `status` tells of the alarms that the messaging processes raise."""

import contextlib
import http.server
import json
import threading

import pytest

from deploy.local import alarms, cli, market_state
from shared.testing import postgres


@contextlib.contextmanager
def answering(body, *, status=200):
    """The address of something that says this at /readyz."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            """Silent."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def row(name, url, state="ready"):
    return {"name": name, "url": url, "state": state, "pid": 1, "restarts": 0, "port": 1, "rss": 0}


ALARM = "3 parked messages, look at /admin/orders/"
BODY = json.dumps({"status": "ok", "alarms": [ALARM]}).encode()


class TestRaised:
    def test_are_told_with_the_service_in_front(self):
        with answering(BODY) as url:
            assert alarms.raised([row("orders.messaging", url)]) == [f"orders: {ALARM}"]

    def test_are_asked_of_messaging_processes_that_are_ready(self):
        with answering(BODY) as url:
            assert alarms.raised([row("orders.web", url), row("orders.messaging", url, state="starting")]) == []

    @pytest.mark.parametrize(("body", "status"), [(b"no json", 200), (b"{}", 200), (BODY, 503)])
    def test_are_none_of_who_answers_strangely(self, body, status):
        with answering(body, status=status) as url:
            assert alarms.raised([row("orders.messaging", url)]) == []

    def test_are_none_of_who_does_not_answer(self):
        assert alarms.raised([row("orders.messaging", f"http://127.0.0.1:{postgres.free_port()}")]) == []


class TestStatus:
    @pytest.fixture
    def here(self, monkeypatch, home):
        """A market of one messaging process that has something to say."""
        monkeypatch.setenv("ADMIT_ONE_HOME", str(home.path))
        with answering(BODY) as url:
            told = {"phase": "ready", "url": "http://127.0.0.1:8000", "broker": "embedded", "supervisor": 1, "rss": 0}
            told["processes"] = [row("orders.messaging", url)]
            monkeypatch.setattr(market_state, "status", lambda _home: told)
            yield

    @pytest.mark.usefixtures("here")
    def test_tells_them_to_people_and_to_programs_and_is_content(self, capsys):
        assert cli.main(["status"]) == 0
        assert f"orders: {ALARM}" in capsys.readouterr().out

        assert cli.main(["status", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["alarms"] == [f"orders: {ALARM}"]

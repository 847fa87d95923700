"""The messaging process's own little HTTP server: /livez, /readyz and /metrics, for its supervisor only."""

import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import structlog
from django.db import Error as DatabaseError
from django.db import connection, connections
from prometheus_client import REGISTRY, CollectorRegistry, exposition

from shared.messaging import metrics, parked
from shared.messaging.health import Status
from shared.schema import pending

log = structlog.get_logger(__name__)

_JSON = "application/json"


class Server(ThreadingHTTPServer):
    """Listens from its making. Raises OSError where the port is taken."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], *, parts: Sequence[Status]) -> None:
        super().__init__(address, _Handler)
        self.parts = parts
        self.levels = CollectorRegistry()
        self.levels.register(metrics.Levels())

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked has hung up before the answer: no reason for a traceback on stderr."""
        log.info("probe broken off", exc_info=True)

    def serve(self, stop: threading.Event, /, *, status: Status) -> None:
        """Answer until `stop` is set."""
        status.says("serving")
        answering = threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True)
        answering.start()
        stop.wait()
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Server
    server_version = "messaging"
    sys_version = ""

    def do_GET(self) -> None:
        answers = {"/livez": self._alive, "/readyz": self._ready, "/metrics": self._metrics}
        answer = answers.get(self.path.partition("?")[0])
        try:
            status, kind, body = answer() if answer else (404, _JSON, b"{}")
        except DatabaseError as error:
            status, kind, body = 503, _JSON, _to_json({"error": str(error)})
        finally:
            connections.close_all()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _alive(self) -> tuple[int, str, bytes]:
        return 200, _JSON, b'{"status": "ok"}'

    def _ready(self) -> tuple[int, str, bytes]:
        """Its own database, its migrations, and its parts; a broker that is away is no reason to be restarted."""
        missing = pending.migrations.missing()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        ready = not missing and all(part.ready for part in self.server.parts)
        told = {part.name: part.text for part in self.server.parts}
        # Named and no more: a restart would mend no parked message.
        alarm = None if missing else parked.alarm()
        body = {"status": "ok" if ready else "unready", "parts": told, "pendingMigrations": missing}
        return (200 if ready else 503), _JSON, _to_json({**body, "alarms": [alarm] if alarm else []})

    def _metrics(self) -> tuple[int, str, bytes]:
        """Also while the database is away, which is when they are looked at."""
        text = exposition.generate_latest(REGISTRY) + exposition.generate_latest(self.server.levels)
        return 200, exposition.CONTENT_TYPE_PLAIN_0_0_4, text

    def log_message(self, format: str, *args: object) -> None:
        """Silent: probes come every few seconds."""


def _to_json(value: object) -> bytes:
    return json.dumps(value).encode()

"""Logging for every process: structlog over the standard library, one line an event, JSON or for a console."""

import re
from typing import Any

import structlog

from shared import tracing

SHARED_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

_ADDRESS = re.compile(r"""[^\s@"'<>(),:;=/\\]+@[\w-]+(?:\.[\w-]+)+""")


def add_request(_logger: Any, _method: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
    """Every line says which request caused it, and in which trace, also in a consumer of another service."""
    if (request_id := tracing.request_id.get()) is not None:
        line.setdefault("request_id", request_id)
    if (step := tracing.current()) is not None:
        line.setdefault("trace_id", step.trace)
    return line


def without_addresses(_logger: Any, _method: str, line: str) -> str:
    """No e-mail address reaches a log, not even by a traceback that quotes a row: files cannot be erased from."""
    return _ADDRESS.sub("(address)", line) if "@" in line else line


def configure(*, service: str, output: str, level: str) -> dict[str, Any]:
    """Set structlog up and return Django's LOGGING. `output` is `json` or `console`."""

    def add_service(_logger: Any, _method: str, line: structlog.types.EventDict) -> structlog.types.EventDict:
        return {**line, "service": service}

    processors = [*SHARED_PROCESSORS, add_request, add_service]
    structlog.configure(
        processors=[*processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # Plain tracebacks: the pretty ones show local variables, and so secrets.
    console = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    render = console if output == "console" else structlog.processors.JSONRenderer()
    exceptions = [] if output == "console" else [structlog.processors.format_exc_info]
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": processors,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *exceptions,
            render,
            without_addresses,
        ],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # The request line of shared.http says it already; Django's own adds a second one for every 4xx.
            "django.request": {"level": "ERROR"},
            # A line for each batch of spans that is lost is enough; each of its tries has one, too.
            "opentelemetry": {"level": "ERROR"},
        },
    }

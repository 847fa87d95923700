"""What must not be read in a log, whoever writes it."""

import io
import json
import logging
import logging.config

import pytest

from shared import tracing
from shared.settings import logs

ADDRESS = "ophelia@elsinore.dk"


class TestAddresses:
    @pytest.fixture(params=["json", "console"])
    def written(self, request):
        """A logger as a service sets it up, and all that it has written."""
        configured = logs.configure(service="orders", output=request.param, level="INFO")
        page = io.StringIO()
        handler = logging.StreamHandler(page)
        formatter = dict(configured["formatters"]["line"])
        handler.setFormatter(formatter.pop("()")(**formatter))
        logger = logging.Logger("told")
        logger.addHandler(handler)
        return logger, page

    def test_are_not_written(self, written):
        logger, page = written

        logger.warning("refused %s", ADDRESS)

        assert "elsinore" not in page.getvalue()
        assert "refused (address)" in page.getvalue()

    def test_of_a_row_that_a_traceback_quotes_are_not_either(self, written):
        logger, page = written

        try:
            raise ValueError(f"Key (lower(email))=({ADDRESS}) already exists.")
        except ValueError:
            logger.exception("failed")

        assert "elsinore" not in page.getvalue()
        assert "ValueError: Key (lower(email))=((address)) already exists." in page.getvalue()

    @pytest.mark.parametrize("text", ["rabbit@localhost", "12 @ 3.5", "tickets.events", "@", "a@b"])
    def test_leave_what_is_none(self, written, text):
        logger, page = written

        logger.warning(text)

        assert text in page.getvalue()


def test_a_line_says_in_which_request_and_trace_it_was_written():
    with tracing.bind(request="elsinore", trace="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"):
        line = logs.add_request(None, "", {"event": "told"})

    assert line == {"event": "told", "request_id": "elsinore", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"}
    assert logs.add_request(None, "", {"event": "told"}) == {"event": "told"}


def test_a_line_stays_one_json_object():
    line = json.dumps({"event": f'"{ADDRESS}" <{ADDRESS}>, mailto:{ADDRESS}'})

    assert json.loads(logs.without_addresses(None, "", line))["event"] == '"(address)" <(address)>, mailto:(address)'

"""Spans: below whom they stand, what they say, what they never say, and that they cost nothing where nobody is told."""

import os
import pathlib
import subprocess
import sys
import time

import pytest
from opentelemetry.sdk.trace import sampling

from shared import spans, tracing
from shared.testing import collector

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HIGH = "f" * 32  # above the mark of every ratio
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
_BOOTS = """
import sys
from tests.shared.http.playhouse import wsgi
from shared.messaging.management.commands import run_messaging
print(any(name.split(".")[0] == "opentelemetry" for name in sys.modules))
"""


@pytest.fixture
def kept():
    with collector.kept() as kept:
        yield kept


def ids(span):
    return f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}"


def below(span):
    return f"{span.parent.span_id:016x}" if span.parent else None


class TestSpan:
    def test_is_the_next_step_of_the_current_trace(self, kept):
        with tracing.bind(request="r", trace=TRACEPARENT), spans.span("outer", spans.Kind.SERVER):
            step = tracing.current()

        assert ids(kept.one()) == (TRACE, step.id)
        assert below(kept.one()) == "00f067aa0ba902b7"

    def test_has_what_is_done_meanwhile_below_it(self, kept):
        with spans.span("outer", spans.Kind.SERVER), spans.span("inner", spans.Kind.CLIENT):
            pass

        inner, outer = kept.spans()
        assert ids(inner)[0] == ids(outer)[0]
        assert (below(inner), below(outer)) == (ids(outer)[1], None)

    @pytest.mark.parametrize("given", [None, "", "00-a-b-01", f"00-{'0' * 32}-00f067aa0ba902b7-01"])
    def test_begins_a_trace_where_none_can_be_gone_on_with(self, kept, given):
        with tracing.bind(request=None, trace=given), spans.span("first", spans.Kind.CONSUMER):
            assert str(tracing.current()) == tracing.traceparent.get()

        assert below(kept.one()) is None

    def test_leaves_everything_as_it_was(self, kept):
        with tracing.bind(request=None, trace=TRACEPARENT):
            with spans.span("outer", spans.Kind.SERVER):
                pass
            assert tracing.traceparent.get() == TRACEPARENT

    def test_names_the_request(self, kept):
        with tracing.bind(request="request-7", trace=None), spans.span("one", spans.Kind.SERVER, {"more": 1}):
            pass

        assert kept.one().attributes == {"more": 1, "admit_one.request_id": "request-7"}

    def test_that_raises_is_told_by_the_kind_of_its_error_and_not_by_its_words(self, kept):
        with pytest.raises(ValueError), spans.span("one", spans.Kind.SERVER):
            raise ValueError("Key (email)=(ophelia@elsinore.dk) already exists.")

        span = kept.one()
        assert span.attributes["error.type"] == "ValueError"
        assert not span.status.is_ok
        assert (span.status.description, span.events) == (None, ())

    def test_is_told_when_somebody_says_so_and_ended_when_it_did(self, kept):
        ends = []
        with spans.span("one", spans.Kind.CONSUMER, told=ends.append):
            pass
        over = time.time_ns()
        assert kept.spans() == []

        ends[0]()

        assert kept.one().end_time <= over

    def test_of_the_past_begins_then(self, kept):
        spans.tell("sent", spans.Kind.PRODUCER, {}, began=1_000)

        assert kept.one().start_time == 1_000


class TestSampling:
    def test_follows_who_calls(self):
        with (
            collector.kept() as kept,
            tracing.bind(request=None, trace=f"00-{TRACE}-00f067aa0ba902b7-00"),
            spans.span("one", spans.Kind.SERVER),
        ):
            assert tracing.current().flags == "00"

        assert kept.spans() == []

    @pytest.mark.parametrize("flags", ["00", "01"])
    @pytest.mark.parametrize(("trace", "recorded"), [(TRACE, True), (HIGH, False)])
    def test_is_not_for_strangers_to_say(self, flags, trace, recorded):
        half = sampling.ParentBased(sampling.TraceIdRatioBased(0.9))
        with (
            collector.kept(sampler=half) as kept,
            tracing.bind(request=None, trace=f"00-{trace}-00f067aa0ba902b7-{flags}"),
            spans.span("one", spans.Kind.SERVER, entrance=True),
        ):
            assert tracing.current()[::2] == (trace, "01" if recorded else "00")

        assert len(kept.spans()) == recorded
        assert [below(span) for span in kept.spans()] == ["00f067aa0ba902b7"] * recorded


class TestUntold:
    """No collector is named."""

    def test_makes_steps_all_the_same(self):
        with tracing.bind(request=None, trace=TRACEPARENT), spans.span("one", spans.Kind.SERVER) as span:
            span.name("another")
            span.set("more", 1)
            span.fail("500")
            step = tracing.current()

        assert (step.trace, step.flags) == (TRACE, "01")
        assert step.id != "00f067aa0ba902b7"

    @pytest.mark.parametrize(
        ("told", "imported"),
        [({}, "False"), ({"OTEL_SDK_DISABLED": "true"}, "False"),
         ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, "True"),
         ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}, "False")],
    )  # fmt: skip
    def test_imports_nothing_of_opentelemetry(self, told, imported):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}

        done = subprocess.run(
            [sys.executable, "-c", _BOOTS], cwd=ROOT, env=environment | told, capture_output=True, text=True, timeout=60
        )

        assert (done.stdout.strip(), done.returncode) == (imported, 0), done.stderr

    def test_that_is_told_wrongly_stops_the_boot(self):
        told = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_MAX_QUEUE_SIZE": "10"}

        done = subprocess.run(
            [sys.executable, "-c", _BOOTS], cwd=ROOT, env=os.environ | told, capture_output=True, text=True, timeout=60
        )

        assert done.returncode != 0
        assert "max_export_batch_size must be less" in done.stderr

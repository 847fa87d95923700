import threading

import pytest

from shared.http import breaker
from shared.testing import waiting


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def circuit(clock):
    return breaker.Breaker(failures=3, rest=1.0, clock=clock)


class Away(Exception):
    pass


def fail(circuit, times=1):
    for _ in range(times):
        with pytest.raises(Away), circuit.call():
            raise Away


def succeed(circuit):
    with circuit.call():
        pass


class TestBreaker:
    def test_lets_everything_through_that_succeeds(self, circuit):
        for _ in range(10):
            succeed(circuit)

    def test_refuses_after_failures_in_a_row(self, circuit):
        fail(circuit, 3)

        with pytest.raises(breaker.Open), circuit.call():
            pytest.fail("the call was made")

    def test_a_success_in_between_starts_the_count_anew(self, circuit):
        for _ in range(5):
            fail(circuit, 2)
            succeed(circuit)

    def test_closes_when_the_one_who_tries_succeeds(self, circuit, clock):
        fail(circuit, 3)
        clock.now += 1.0

        succeed(circuit)

        fail(circuit, 2)
        succeed(circuit)

    def test_rests_again_when_the_one_who_tries_fails(self, circuit, clock):
        fail(circuit, 3)
        for _ in range(3):
            clock.now += 1.0
            fail(circuit)

            with pytest.raises(breaker.Open):
                succeed(circuit)

    def test_a_refusal_is_no_failure_that_prolongs_the_rest(self, circuit, clock):
        fail(circuit, 3)
        clock.now += 0.9
        with pytest.raises(breaker.Open):
            succeed(circuit)
        clock.now += 0.1

        succeed(circuit)

    def test_lets_only_one_try(self, circuit, clock):
        fail(circuit, 3)
        clock.now += 1.0
        trying, over = threading.Event(), threading.Event()

        def hang():
            with circuit.call():
                trying.set()
                over.wait(10)

        thread = threading.Thread(target=hang)
        thread.start()
        try:
            assert trying.wait(10)
            with pytest.raises(breaker.Open):
                succeed(circuit)
        finally:
            over.set()
            thread.join()

        waiting.until(lambda: circuit._failed == 0, what="the circuit to close")
        succeed(circuit)

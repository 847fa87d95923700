"""Which node of a broker to try first."""

import pytest

from shared.messaging.brokers import addresses

ONE, TWO, THREE = (f"amqp://orders:secret@{name}/market" for name in ("one", "two", "three"))
ALL = ";".join((ONE, TWO, THREE))


@pytest.fixture
def clock(monkeypatch):
    """What time it is, in seconds: `clock[0]`."""
    now = [1000.0]
    monkeypatch.setattr(addresses.time, "monotonic", lambda: now[0])
    return now


def test_a_single_node_is_tried():
    assert addresses.Addresses().to_try(ONE) == [ONE]


def test_nobody_is_preferred_at_first():
    known = addresses.Addresses()

    tried = [known.to_try(ALL) for _ in range(100)]

    assert all(sorted(nodes) == sorted((ONE, TWO, THREE)) for nodes in tried)
    assert {nodes[0] for nodes in tried} == {ONE, TWO, THREE}


def test_what_has_failed_comes_last_and_the_latest_failure_at_the_very_end(clock):
    known = addresses.Addresses()
    known.failed(TWO)
    clock[0] += 1
    known.failed(ONE)

    assert all(known.to_try(ALL) == [THREE, TWO, ONE] for _ in range(20))


def test_a_failure_is_forgotten_after_a_minute(clock):
    known = addresses.Addresses()
    known.failed(TWO)
    clock[0] += 60

    assert TWO in {known.to_try(ALL)[0] for _ in range(100)}

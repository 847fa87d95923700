"""Whatever is killed, or taken down and brought up again: what people did is still done, and they go on."""

import pytest

from deploy.local import services

KILLS = [
    tuple(f"{service}.web" for service in services.NAMES),
    tuple(f"{service}.messaging" for service in services.NAMES),
    (*(f"{service}.worker" for service in services.WITH_WORKER), "gateway"),
    ("broker",),
    tuple(f"{service}.postgres" for service in services.NAMES),
]


@pytest.mark.parametrize("victims", KILLS, ids=lambda names: names[0])
def test_every_container_may_be_killed(market, olivia, bruno, carla, victims):
    bought = bruno.has_bought(olivia.offers())
    begun = carla.has_ordered(olivia.offers())

    market.kill(*victims)
    for name in (*victims, *(f"{service}.web" for service in services.NAMES)):
        market.wait_ready(name)

    assert bruno.sees_order(bought, "complete")
    carla.has_paid(begun)
    assert carla.sees_order(begun, "complete")


def test_data_survives_that_everything_is_taken_down(market, olivia, bruno):
    ticket = olivia.offers()
    bought = bruno.has_bought(ticket)
    begun = bruno.has_ordered(olivia.offers())

    market.stack.compose("--profile", "*", "down")
    assert not market.containers("orders.web")
    market.stack.compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", "300")

    assert bruno.sees_order(bought, "complete")
    assert olivia.sees_ticket(ticket, "sold")
    bruno.has_paid(begun)
    assert bruno.sees_order(begun, "complete")

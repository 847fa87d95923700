"""`bench identity`: what it costs to know who is asking, on the market that is up, whatever its strategy.

The same question is asked through the gateway as nobody (401: routed, and refused before any query) and as somebody
(an empty list: one query more), so their difference has the cost of the strategy in it; then by many at once.
"""

import concurrent.futures
import statistics
import time
import uuid
from collections.abc import Mapping, Sequence

import httpx
from rich.console import Console
from rich.table import Table

from deploy.local import homes, market_state, services
from deploy.local.refusals import Refusal

out = Console(highlight=False)
_WARM_UP, _HANDS, _EACH = 20, 8, 100
_QUESTION = "/api/payments"


def main(home: homes.Home, *, number: int) -> int:
    """Ask `number` times each, one by one and then at once, and print how long it took."""
    if number < 2:
        raise Refusal("One request has no percentiles.", do="give -n 100 or more")
    market = market_state.require(home)
    with _client(market) as nobody, _client(market) as somebody:
        _sign_up(somebody)
        rows = {
            "nobody asks (401)": _latencies(nobody, number, expected=401),
            "somebody asks (200)": _latencies(somebody, number, expected=200),
        }
        rate = _rate(market, dict(somebody.cookies))
    _show(market, rows, rate)
    return 0


def _client(market: services.Market) -> httpx.Client:
    return httpx.Client(base_url=market.url, verify=market.trust, timeout=10.0)


def _sign_up(client: httpx.Client) -> None:
    body = {"email": f"bench.{uuid.uuid4().hex}@example.com", "password": uuid.uuid4().hex}
    answer = client.post("/api/users/signup", json=body)
    if answer.status_code != 201:
        raise Refusal("Nobody can sign up.", why=answer.text, do="./manage_all.py status")


def _latencies(client: httpx.Client, number: int, *, expected: int) -> list[float]:
    """Milliseconds of each answer."""
    took = [_ask(client, expected) for _ in range(_WARM_UP + number)]
    return took[_WARM_UP:]


def _ask(client: httpx.Client, expected: int) -> float:
    began = time.perf_counter()
    answer = client.get(_QUESTION)
    took = (time.perf_counter() - began) * 1000
    if answer.status_code != expected:
        raise Refusal(f"{_QUESTION} was answered {answer.status_code} instead of {expected}.", why=answer.text)
    return took


def _rate(market: services.Market, cookies: dict[str, str]) -> float:
    """Answers a second to somebody, asked by _HANDS at once."""

    def ask_and_ask(_hand: int) -> None:
        with _client(market) as client:
            client.cookies.update(cookies)
            for _ in range(_EACH):
                _ask(client, 200)

    began = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(_HANDS) as pool:
        list(pool.map(ask_and_ask, range(_HANDS)))
    return _HANDS * _EACH / (time.perf_counter() - began)


def _show(market: services.Market, rows: Mapping[str, Sequence[float]], rate: float) -> None:
    table = Table("identity", "what", "p50", "p99", "max", box=None, header_style="bold", pad_edge=False)
    for what, took in rows.items():
        cuts = statistics.quantiles(took, n=100, method="inclusive")
        figures = (statistics.median(took), cuts[98], max(took))
        table.add_row(market.identity, what, *(f"{value:.1f} ms" for value in figures))
    table.add_row(market.identity, f"{_HANDS} at once", f"{rate:,.0f}/s", "", "")
    out.print(table)

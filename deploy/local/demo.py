"""`demo`: fills the market with goods; `demo --buy N --buyers M`: N purchases from beginning to end, by M at once."""

import concurrent.futures
import datetime as dt
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.local import homes, listings, market_state, services, shopper
from deploy.local.refusals import Refusal

out = Console(highlight=False)
SELLERS, LISTINGS = 20, 300
_PASSWORD = "every seat has a story"  # noqa: S105 - of people who do not exist
_NAMES = ("amara", "bela", "chidi", "dalia", "emre", "freya", "goran", "hana", "ines", "jonas")
_HANDS = 8  # requests at once while the goods are put on sale


def main(home: homes.Home, *, buy: int | None, buyers: int) -> int:
    """Carry out the command against the market that is up. 1 when a purchase failed."""
    market = market_state.require(home)
    if buy is not None and min(buy, buyers) < 1:
        raise Refusal("There is nothing to buy or nobody to buy it.", do="give numbers above zero")
    try:
        return stock(market) if buy is None else purchases(market, count=buy, buyers=buyers)
    except (shopper.Failed, shopper.Refused) as trouble:
        raise Refusal("The market does not do its part.", why=str(trouble), do="./manage_all.py status") from trouble


def stock(market: services.Market) -> int:
    """Have LISTINGS tickets put on sale by SELLERS sellers, once: a repeat adds only what is missing of them."""
    sellers = _people(market, "seller", SELLERS)
    share = LISTINGS // SELLERS
    today = dt.datetime.now(dt.UTC)
    jobs: list[Callable[[], None]] = []
    for number, seller in enumerate(sellers):
        missing = share - len(seller.get(f"/api/tickets?seller={seller.id}&limit=100"))
        bodies = listings.believable(count=max(0, missing), today=today, seed=number)
        jobs += [partial(_offer, seller, body) for body in bodies]
    with _bar() as bar, concurrent.futures.ThreadPoolExecutor(_HANDS) as pool:
        task = bar.add_task("putting tickets on sale", total=len(jobs))
        try:
            for future in concurrent.futures.as_completed([pool.submit(job) for job in jobs]):
                future.result()
                bar.advance(task)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    _close(sellers)
    out.print(
        f"{LISTINGS} tickets of {SELLERS} sellers are on sale ({len(jobs)} of them new): {market.url}/api/tickets"
    )
    return 0


def purchases(market: services.Market, *, count: int, buyers: int) -> int:
    """Make `count` complete purchases, `buyers` at once, and show what came of them."""
    sellers, people = _people(market, "seller", min(SELLERS, buyers)), _people(market, "buyer", buyers)
    turns = [partial(_purchase, people[n % buyers], sellers[n % len(sellers)], n) for n in range(count)]
    # Each buyer does one thing after the other.
    queues = [turns[n::buyers] for n in range(buyers)]
    outcomes: list[Outcome] = []
    with _bar() as bar, concurrent.futures.ThreadPoolExecutor(buyers) as pool:
        task = bar.add_task("buying", total=count)

        def work(queue: Sequence[Callable[[], Outcome]]) -> None:
            for turn in queue:
                outcomes.append(turn())
                bar.advance(task)

        began = time.monotonic()
        for future in [pool.submit(work, queue) for queue in queues]:
            future.result()
        seconds = time.monotonic() - began
    _close([*sellers, *people])
    return _report(outcomes, seconds)


class Outcome:
    """How one purchase ended, and how long it took from the order to its completion."""

    def __init__(self, kind: str, *, seconds: float = 0.0, said: str = "") -> None:
        self.kind, self.seconds, self.said = kind, seconds, said


def _purchase(buyer: shopper.Shopper, seller: shopper.Shopper, number: int) -> Outcome:
    (body,) = listings.believable(count=1, today=dt.datetime.now(dt.UTC), seed=number)
    try:
        ticket = seller.post("/api/tickets", body)
        began = time.monotonic()
        order = buyer.post_known("/api/orders", {"ticketId": ticket["id"]})
        path = f"/api/orders/{order['id']}"
        buyer.wait_for(path, status="awaiting_payment")
        # Payments hears of the confirmation on its own: until then the order is unknown there, or not yet to be paid.
        buyer.post_known("/api/payments", {"orderId": order["id"], "token": "tok_visa"}, unknown=(404, 409))
        buyer.wait_for(path, status="complete")
    except shopper.Refused as refused:
        return Outcome("refused", said=str(refused))
    except shopper.Failed as failed:
        return Outcome("failed", said=str(failed))
    return Outcome("bought", seconds=time.monotonic() - began)


def _report(outcomes: Sequence[Outcome], seconds: float) -> int:
    times = sorted(outcome.seconds for outcome in outcomes if outcome.kind == "bought")
    counts = {kind: sum(outcome.kind == kind for outcome in outcomes) for kind in ("bought", "refused", "failed")}
    table = Table("bought", "refused", "failed", "p50", "p99", "purchases/s", title="purchases", title_justify="left")
    cells = [str(count) for count in counts.values()]
    cells += [f"{1000 * _quantile(times, share):.0f} ms" for share in (0.50, 0.99)] if times else ["–", "–"]
    table.add_row(*cells, f"{len(times) / seconds:.1f}")
    out.print(table)
    for said in sorted({f"{outcome.kind}: {outcome.said}" for outcome in outcomes if outcome.said})[:5]:
        out.print(f"  {said}", markup=False)
    return 1 if counts["failed"] else 0


def _quantile(times: Sequence[float], share: float) -> float:
    if len(times) == 1:
        return times[0]
    return statistics.quantiles(times, n=100, method="inclusive")[round(share * 100) - 1]


def _people(market: services.Market, role: str, count: int) -> list[shopper.Shopper]:
    people = []
    for number in range(count):
        name = f"{_NAMES[number % len(_NAMES)]}.{role}{number:02}"
        people.append(shopper.Shopper(market.url, f"{name}@demo.example", _PASSWORD, market.trust))
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        # Hashing passwords is work on purpose: more at once only wait for each other.
        list(pool.map(shopper.Shopper.sign_up_or_in, people))
    return people


def _offer(seller: shopper.Shopper, body: dict[str, object]) -> None:
    seller.post("/api/tickets", body)


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=out)


def _close(people: Sequence[shopper.Shopper]) -> None:
    for person in people:
        person.close()

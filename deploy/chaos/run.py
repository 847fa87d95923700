"""One run: a market of its own, people who trade, the nemesis, quiet, and the checks."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from deploy.chaos import checks, clients, history, market, nemesis, networks, plan, report, watch
from deploy.chaos.faults import table
from deploy.local import audit, brokers, files, homes
from deploy.local.finding import Databases, Finding
from deploy.local.refusals import Refusal

CALM = 10.0
"""Seconds in which people go on trading after everything is healed."""
ORDER_WINDOW = 20
_QUIET_WITHIN = 60.0


def main(
    home: homes.Home,
    *,
    minutes: float,
    seed: int,
    seeds: int,
    faults: str,
    broker: str,
    kill_every: float,
    freeze: float,
    one_by_one: bool,
    keep: bool,
) -> int:
    """Run as many seeds as asked, each on a fresh market, and print what came of them. 1 on any violation."""
    place = files.directory(files.directory(home.path) / "chaos")
    kind = _chosen_broker(home, broker)
    chosen, refused = table.choose([name for name in faults.split(",") if name], broker=kind)
    reports = []
    for number in range(seed, seed + seeds):
        done = once(
            seed=number,
            seconds=60 * minutes,
            faults=chosen,
            refused=refused,
            broker=kind,
            kill_every=kill_every,
            freeze=freeze,
            one_by_one=one_by_one,
            keep=keep,
            place=place,
            say=_say,
        )
        print("\n" + report.text(done) + "\n", flush=True)
        reports.append(done)
    if seeds > 1:
        files.write(place / "table.md", report.table(reports) + "\n")
        print(report.table(reports))
    print(f"\nreports are in {place}")
    return 0 if all(one.is_clean for one in reports) else 1


def _chosen_broker(home: homes.Home, asked: str) -> str:
    if asked != brokers.CLUSTER:
        return brokers.choose(home, asked)
    if why := networks.missing():
        raise Refusal("Three nodes with a network of their own cannot be had here.", why=why, do="leave --broker out")
    return asked


def once(
    *,
    seed: int,
    seconds: float,
    faults: Sequence[str],
    refused: dict[str, str],
    broker: str,
    kill_every: float = 3.5,
    freeze: float = 20.0,
    one_by_one: bool = False,
    keep: bool = False,
    place: Path,
    say: Callable[[str], None] = lambda line: None,
) -> report.Report:
    """One seed on a market of its own; its report and its history are kept in `place`."""
    with market.running(broker=broker, order_window=ORDER_WINDOW, keep=keep) as up:
        strikes = plan.draw(
            seed=seed,
            seconds=seconds,
            faults=faults,
            kill_every=kill_every,
            freeze=freeze,
            nodes=[node.name for node in up.nodes],
        )
        say(f"seed {seed}: {len(strikes)} strikes in {seconds:.0f} s against {up.home.path}")
        log = history.History()
        done = hurt(up, seed=seed, strikes=strikes, refused=refused, log=log, one_by_one=one_by_one, say=say)
    report.write(done, log, place)
    return done


def hurt(
    up: market.Market,
    *,
    seed: int,
    strikes: Sequence[plan.Strike],
    refused: dict[str, str],
    log: history.History,
    one_by_one: bool,
    say: Callable[[str], None] = lambda line: None,
) -> report.Report:
    """Carry the plan out on a market that is up, while people trade there."""
    troubles, began = list[str](), time.monotonic()
    attack = nemesis.Nemesis(up, strikes, say=say)
    with watch.Overdue(up) as overdue:
        crowd = clients.gather(up, seed=seed, log=log, trouble=troubles.append)
        if one_by_one:
            attack.run_one_by_one(heard_within=_QUIET_WITHIN)
        else:
            attack.run()
        up.wait_ready()
        with audit.opened(up.dsns()) as all_:
            drained = watch.until_heard(all_, seconds=_QUIET_WITHIN)
            say(f"all is healed, everything was heard after {drained:.1f} s; {CALM:.0f} s of calm")
            time.sleep(CALM)
            crowd.disperse()
            ended = time.monotonic()
            at_rest, left = watch.until_quiet(
                all_,
                seconds=_QUIET_WITHIN + ORDER_WINDOW,
                expected=lambda one: checks.is_injected(one, attack.ledger, all_),
            )
            found = _findings(up, all_, log, attack, overdue, left)
            purchases = _purchases(all_)
    return report.make(
        seed=seed,
        broker=up.broker,
        seconds=ended - began,
        planned=attack.struck,
        refused=refused,
        log=log,
        purchases=purchases,
        drained=drained,
        at_rest=at_rest,
        found=found,
        troubles=troubles,
    )


def _findings(
    up: market.Market,
    all_: Databases,
    log: history.History,
    attack: nemesis.Nemesis,
    overdue: watch.Overdue,
    left: set[Finding],
) -> list[Finding]:
    return sorted(
        {
            *left,
            *checks.acknowledged_writes_are_there(log, all_),
            *checks.bans_hold(log, all_),
            *checks.sign_outs_hold(log, up.url),
            *checks.nothing_is_done_twice(log, all_),
            *checks.reads_go_forward(log),
            *checks.refusals_are_the_promised_ones(log, attack.struck),
            *checks.expiry_is_in_time(overdue.seen, attack.struck),
            *checks.poison_is_parked(attack.ledger, all_),
        }
    )


def _purchases(all_: Databases) -> int:
    (row,) = all_["orders"].execute("SELECT count(*) AS number FROM orders_order WHERE status = 'complete'").fetchall()
    return int(row["number"])


def _say(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)

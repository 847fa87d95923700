"""`join`: has a service that was written while the market runs take part in it; nothing that runs is started again.

The supervisor has the code of the day it was started. So this command, which has the code of today, works out what the
newcomer needs, does itself what is done once (database, tables, broker), and gives the supervisor processes to keep.
"""

import concurrent.futures
import dataclasses
import subprocess
import time
from collections.abc import Sequence

from deploy.local import (
    control,
    databases,
    embedded,
    gateway,
    graph,
    homes,
    keeper,
    lifecycle,
    logfiles,
    market_state,
    rabbitmq,
    services,
    spec,
)
from deploy.local import ports as ports_
from deploy.local.refusals import Refusal

out = lifecycle.out


def main(home: homes.Home, *, service: str) -> int:
    """Start `service` in the market that is up, and have the gateway lead to it. May be repeated after a failure."""
    market = market_state.require(home)
    _demand_written(service)
    if _takes_part(home, service):
        gateway.reload(market)  # which may be what failed before
        out.print(f"{service} takes part already.")
        return 0
    market = _with_ports(market, service)
    carry_out(home, steps(market, service))
    gateway.reload(market)
    out.print(f"\n[bold green]{service} takes part[/]: {market.url}/api/{services.noun(service)}")
    out.print("  It fills its copies from what the others have said so far.")
    return 0


def steps(market: services.Market, service: str) -> list[spec.Step]:
    """What the newcomer adds to a market, in the order in which it can be done."""
    added = databases.steps(market.home, ports={service: market.ports[f"{service}.postgres"]})
    match market.broker:
        case "embedded":
            added.append(embedded.queues(market.home, port=market.ports["broker"]))
        case "rabbitmq":
            added.append(rabbitmq.load(market.home, ports=market.ports))
    # Whoever gives the address of a broker of his own has to give the newcomer a user there.
    ready = "databases" if market.broker == "given" else added[-1].name
    added += services.steps(market, service, broker_ready=ready)
    return [*added, *gateway.steps(market)]


def carry_out(home: homes.Home, listed: Sequence[spec.Step]) -> None:
    """Each step as soon as those before it are done: as in `up`, some get ready only beside each other.

    Raises Refusal; then nothing that needs what failed was begun.
    """
    began = time.monotonic()
    done: dict[str, concurrent.futures.Future[None]] = {}

    def follow(step: spec.Step) -> None:
        for name in step.after:
            if name in done:
                done[name].result()
        _carry_out(home, step, listed)
        out.print(f"  [green]✓[/] {step.name:<20} [dim]{time.monotonic() - began:5.1f} s[/]")

    with concurrent.futures.ThreadPoolExecutor(len(listed)) as pool:
        for step in listed:
            done[step.name] = pool.submit(follow, step)
    for one in done.values():
        one.result()


def _carry_out(home: homes.Home, step: spec.Step, listed: Sequence[spec.Step]) -> None:
    match step:
        case spec.Job():
            step.action()
        case spec.Command():
            _run(home, step)
        case spec.Process():  # for the supervisor to keep
            control.keep(home, dataclasses.replace(step, after=processes_before(step, listed)))


def processes_before(step: spec.Step, listed: Sequence[spec.Step]) -> list[str]:
    """The processes that `step` needs, directly or by what is done once in between; they have to outlive it."""
    known = {other.name: other for other in listed}
    found: list[str] = []
    for name in step.after:
        other = known.get(name)
        found += [name] if other is None or isinstance(other, spec.Process) else processes_before(other, listed)
    return sorted(set(found))


def _demand_written(service: str) -> None:
    if service not in services.NAMES:
        raise Refusal(
            f"There is no service {service}.",
            why=f"there are: {', '.join(services.NAMES)}.",
            do=f"write it: ./manage_all.py new-service {service}",
        )


def _takes_part(home: homes.Home, service: str) -> bool:
    ready = {row["name"] for row in market_state.status(home)["processes"] if row["state"] == "ready"}
    return ready.issuperset(graph.listening(service))


def _with_ports(market: services.Market, service: str) -> services.Market:
    """The market with a port for each process of the newcomer; those that it holds since an earlier attempt stay."""
    book = ports_.Ports(market.home.ports)
    missing = [name for name in graph.listening(service) if name not in market.ports]
    return dataclasses.replace(market, ports={**market.ports, **{name: book.take(name) for name in missing}})


def _run(home: homes.Home, command: spec.Command) -> None:
    if command.is_done():
        return
    path = logfiles.path(home.logs, command.name)
    with path.open("ab") as log:
        line, told = list(command.line), dict(command.environment)
        done = subprocess.run(line, env=told, cwd=command.cwd, stdout=log, stderr=log, check=False)
    if done.returncode != 0:
        raise Refusal(f"{command.name} ended with exit code {done.returncode}.", why=keeper.tail(path, 25).strip())
    command.remember()

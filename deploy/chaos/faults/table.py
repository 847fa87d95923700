"""Every fault by its name."""

from collections.abc import Mapping, Sequence

from deploy.chaos.faults import base, broker, clock, deliveries, network, nodes, processes, resources
from deploy.local.refusals import Refusal

FAULTS: Mapping[str, type[base.Fault]] = {
    "kill": processes.Kill,
    "freeze": processes.Freeze,
    "broker-restart": broker.Restart,
    "broker-wipe": broker.Wipe,
    "queue-deleted": broker.QueueDeleted,
    "leader-kill": nodes.LeaderKill,
    "partition": nodes.Partition,
    "isolation": nodes.Isolation,
    "cut": network.Cut,
    "half-open": network.HalfOpen,
    "slow": network.Slow,
    "duplicate": deliveries.Duplicate,
    "reorder": deliveries.Reorder,
    "poison": deliveries.Poison,
    "connections": resources.Connections,
    "disk-full": resources.DiskFull,
    "clock-skew": clock.ClockSkew,
    "crash-point": processes.CrashPoint,
}


def choose(asked: Sequence[str], *, broker: str) -> tuple[list[str], dict[str, str]]:
    """The faults to use on a market with this kind of broker, and those that cannot be had here with the reason.

    All that can strike it when none is asked for. Raises Refusal for one that does not exist, that cannot strike it, or
    that was asked for by name and cannot be had.
    """
    for name in asked:
        if name not in FAULTS:
            raise Refusal(f"There is no fault {name}.", do="there are: " + ", ".join(FAULTS))
        if broker not in (kinds := FAULTS[name].strikes):
            raise Refusal(f"The fault {name} cannot strike this broker.", do=f"add --broker {kinds[0]}")
        if why := FAULTS[name].missing():
            raise Refusal(f"The fault {name} cannot be had.", why=why, do="leave it out of --faults")
    fitting = [name for name, fault in FAULTS.items() if broker in fault.strikes]
    refused = {name: why for name in fitting if not asked and (why := FAULTS[name].missing())}
    return [name for name in fitting if name not in refused and (not asked or name in asked)], refused

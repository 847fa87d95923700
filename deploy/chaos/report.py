"""What came of a run: for people as a table, for programs as JSON."""

import collections
import dataclasses
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy.chaos import history, nemesis
from deploy.local import files
from deploy.local.finding import Finding

_DEADLY = ("kill", "reorder", "broker-wipe", "crash-point")
_LOST = ("lost", "never heard", "ticket lost")
_DOUBLED = ("doubled", "heard twice", "sold twice")
_INVERTED = ("inversion", "versions", "states")


@dataclasses.dataclass
class Report:
    """One seed."""

    seed: int
    broker: str
    seconds: float
    faults: dict[str, dict[str, int]]
    """By kind: planned, struck."""
    refused: dict[str, str]
    """Faults that cannot be had on this machine, and why."""
    kills: int
    down_most: float
    """Seconds from a `kill -9` until what was killed was ready again, at worst."""
    purchases: int
    writes: dict[str, int]
    unavailable: int
    """Answers of 503."""
    drained: float
    """Seconds from the last healing until everything said before it was heard."""
    at_rest: float
    """Seconds from the last client's last request until nothing had anything before it."""
    wipes_healed: list[float]
    """Seconds from each wipe of the broker until it was ready again."""
    heard_after: dict[str, list[float]]
    """By kind, where strikes came one by one: seconds from each until everything said before its healing was heard."""
    longest: dict[str, list[float]]
    """Likewise: seconds from word to ear, at worst, by the services' own clocks."""
    asked_again: dict[str, list[int]]
    """Likewise: how often something had to be asked for again, which the broker had lost or did not give."""
    load: float
    """How many wanted to run at once in the last minute: a machine that others use as well keeps no times."""
    violations: list[str]
    missed: list[str]
    counts: dict[str, int] = dataclasses.field(default_factory=dict)
    """Lost, doubled, inversions."""

    @property
    def is_clean(self) -> bool:
        return not self.violations


def make(
    *,
    seed: int,
    broker: str,
    seconds: float,
    planned: Sequence[nemesis.Struck],
    refused: dict[str, str],
    log: history.History,
    purchases: int,
    drained: float,
    at_rest: float,
    found: Sequence[Finding],
    troubles: Sequence[str],
) -> Report:
    """Count everything together."""
    kinds: dict[str, dict[str, int]] = collections.defaultdict(lambda: {"planned": 0, "struck": 0})
    for one in planned:
        kinds[one.strike.fault]["planned"] += 1
        kinds[one.strike.fault]["struck"] += one.hit
    broken = [f"{_named(one)}: {one.trouble.strip().splitlines()[-1]}" for one in planned if one.trouble]
    idle = [kind for kind, count in kinds.items() if not count["struck"]]
    hearings = {kind: [one.hearing for one in planned if one.strike.fault == kind and one.hearing] for kind in kinds}
    never = [f"{kind} was planned {kinds[kind]['planned']} times and never struck" for kind in idle]
    return Report(
        seed=seed,
        broker=broker,
        seconds=round(seconds, 1),
        faults=dict(sorted(kinds.items())),
        refused=refused,
        kills=sum(kinds[fault]["struck"] for fault in _DEADLY if fault in kinds),
        down_most=_longest(planned, "kill"),
        purchases=purchases,
        writes=dict(collections.Counter(one.outcome for one in log.writes())),
        unavailable=sum(one.status == 503 for one in log.operations),
        drained=round(drained, 1),
        at_rest=round(at_rest, 1),
        wipes_healed=[
            round(one.ended - one.began, 1) for one in planned if one.strike.fault == "broker-wipe" and one.hit
        ],
        heard_after={kind: [round(one.after, 1) for one in heard] for kind, heard in hearings.items()},
        longest={kind: [round(one.longest, 1) for one in heard] for kind, heard in hearings.items()},
        asked_again={kind: [one.asked_again for one in heard] for kind, heard in hearings.items()},
        load=round(os.getloadavg()[0], 1),
        violations=[*map(str, found), *broken, *never, *troubles],
        missed=[f"{_named(one)}: {one.missed}" for one in planned if one.missed],
        counts={
            "lost": sum(one.check in _LOST for one in found),
            "doubled": sum(one.check in _DOUBLED for one in found),
            "inversions": sum(one.check in _INVERTED for one in found),
        },
    )


def text(report: Report) -> str:
    """For people."""
    strikes = ", ".join(f"{kind} {count['struck']}/{count['planned']}" for kind, count in report.faults.items())
    counts = report.counts
    lines = [
        f"seed {report.seed} · {report.broker} · {report.seconds:.0f} s · load {report.load} on {os.cpu_count()} cores",
        f"  struck/planned   {strikes}",
        f"  kill -9          {report.kills}, ready again after at most {report.down_most:.1f} s",
        f"  purchases        {report.purchases} complete",
        f"  writes           {_told(report.writes)}; {report.unavailable} answers of 503",
        f"  lost {counts['lost']} · doubled {counts['doubled']} · inversions {counts['inversions']}",
        f"  drained          {report.drained:.1f} s after the last healing",
        f"  at rest          {report.at_rest:.1f} s after the last request",
    ]
    if report.wipes_healed:
        lines.append(
            f"  broker wiped     {len(report.wipes_healed)} times, up again within {max(report.wipes_healed):.1f} s"
        )
    lines += [
        f"  after {kind}, everything was heard within {max(times):.1f} s, each after at most"
        f" {max(report.longest[kind]):.1f} s; asked for again {sum(report.asked_again[kind])} times"
        for kind, times in report.heard_after.items()
        if times
    ]
    lines += [f"  refused: {kind}: {why}" for kind, why in report.refused.items()]
    lines += [f"  missed: {told}" for told in report.missed]
    lines += [f"  VIOLATION {told}" for told in report.violations[:50]]
    if len(report.violations) > 50:
        lines.append(f"  … and {len(report.violations) - 50} more, all in the JSON")
    lines.append("  nothing was violated" if report.is_clean else f"  {len(report.violations)} violations")
    return "\n".join(lines)


def table(reports: Sequence[Report]) -> str:
    """All seeds of a run as a Markdown table, the last line their sum."""
    heads = (
        "seed",
        "strikes",
        "kill -9",
        "purchases",
        "ok / fail / unknown",
        "503",
        "lost",
        "doubled",
        "inversions",
        "drained",
        "violations",
    )
    rows = [_cells(str(report.seed), [report]) for report in reports]
    if len(reports) > 1:
        rows.append(_cells("all", reports))
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write(report: Report, log: history.History, place: Path) -> None:
    """Keep it as JSON and as text, and what every client was told, one operation a line."""
    files.write(place / f"seed-{report.seed}.json", json.dumps(dataclasses.asdict(report), indent=1))
    files.write(place / f"seed-{report.seed}.txt", text(report) + "\n")
    lines = (json.dumps(dataclasses.asdict(one)) for one in log.operations)
    files.write(place / f"seed-{report.seed}.history.jsonl", "\n".join(lines) + "\n")


def _cells(name: str, reports: Sequence[Report]) -> list[str]:
    def total(number: Any) -> str:
        return str(sum(number(report) for report in reports))

    outcomes = (history.OK, history.FAIL, history.UNKNOWN)
    return [
        name,
        total(lambda one: sum(count["struck"] for count in one.faults.values())),
        total(lambda one: one.kills),
        total(lambda one: one.purchases),
        " / ".join(total(lambda one, kind=kind: one.writes.get(kind, 0)) for kind in outcomes),
        total(lambda one: one.unavailable),
        *(total(lambda one, kind=kind: one.counts[kind]) for kind in ("lost", "doubled", "inversions")),
        f"{max(report.drained for report in reports):.1f} s",
        total(lambda one: len(one.violations)),
    ]


def _named(one: nemesis.Struck) -> str:
    return f"{one.strike.fault} {one.strike.target}"


def _longest(planned: Sequence[nemesis.Struck], fault: str) -> float:
    return max((one.ended - one.began for one in planned if one.strike.fault == fault and one.hit), default=0.0)


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{counts.get(kind, 0)} {kind}" for kind in (history.OK, history.FAIL, history.UNKNOWN))

"""restore: puts one service back to a dump. It begins a new epoch of its log and catches up with the others.

Nothing of the old database is destroyed: it is kept under another name. Until the restored one takes its place, every
failure leaves things as they were.
"""

import contextlib
import dataclasses
import datetime as dt
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from deploy.local import (
    audit,
    backup,
    control,
    databases,
    dumps,
    files,
    homes,
    lifecycle,
    market_state,
    rewound,
    services,
)
from deploy.local.refusals import Refusal

out = lifecycle.out
_SHOWN = 40
_LOOK_EVERY_SECONDS = 0.2
_STATE = "SELECT recovering_since, announced_to FROM messaging_log"
_FOLLOWED = """
SELECT DISTINCT ON (source) source, heard_at > %s AS heard, told - seen_to AS missing
FROM messaging_progress ORDER BY source, epoch DESC
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Restore:
    """One restore: which service of which market from which dump, and where everything is."""

    market: services.Market
    service: str
    dump: Path
    manifest: dumps.Manifest
    began: dt.datetime

    @property
    def port(self) -> int:
        return self.market.ports[f"{self.service}.postgres"]

    @property
    def new(self) -> str:
        """The name of the restored database until it takes its place."""
        return f"{self.service}_restored"

    @property
    def aside(self) -> str:
        """The name under which the old database is kept."""
        return f"{self.service}_before_{self.began:%Y%m%dT%H%M%SZ}"

    @property
    def record(self) -> Path:
        return self.market.home.path / "restores" / f"{self.service}-{self.began:%Y%m%dT%H%M%SZ}.json"

    def url(self, database: str = "") -> str:
        return databases.url(self.market.home, self.service, self.port, database=database)

    def superuser(self) -> psycopg.Connection[Any]:
        return databases.superuser(self.market.home, self.service, self.port)


def main(home: homes.Home, *, service: str, dump: str, sure: bool) -> int:
    """Restore `service` from the file `dump`, asking first unless `sure`. Returns when it has caught up."""
    market = market_state.require(home)
    backup.demand_joined(market, service)
    path = Path(dump).resolve()
    manifest = dumps.read(path)
    if manifest.service != service:
        raise Refusal(f"{path} is a dump of {manifest.service}, not of {service}.")
    case = Restore(market=market, service=service, dump=path, manifest=manifest, began=dt.datetime.now(dt.UTC))
    with _restored_beside(case) as restored:
        _show_what_is_lost(case, _known(case), restored)
        if not sure and not _confirmed(case):
            out.print("Nothing was changed.")
            return 1
        known, epoch = _take_its_place(case)
    out.print(f"{service} is restored, in epoch {epoch}; its old database is kept as {case.aside}.")
    _follow(case)
    _tell(case, known, epoch)
    return 0


@contextlib.contextmanager
def _restored_beside(case: Restore) -> Iterator[dict[str, rewound.State]]:
    """The dump in a database of its own, with the tables of this code, while the service runs; its aggregates."""
    tools = databases.locate(case.market.home)
    with case.superuser() as connection:
        databases.drop_database(connection, name=case.new)
        databases.create_database(connection, name=case.new, owner=case.service)
        try:
            with out.status("reading the dump …"):
                dumps.load(tools, url=case.url(case.new), path=case.dump, manifest=case.manifest)
                _manage(case, "migrate", "--noinput")
            with psycopg.connect(case.url(case.new)) as restored:
                states = rewound.states(restored, case.service)
            yield states
        finally:
            databases.drop_database(connection, name=case.new)  # under this name it is gone where it was wanted


def _take_its_place(case: Restore) -> tuple[rewound.Known, int]:
    """Stop the service, begin the new epoch, exchange the databases, start the service again."""
    names = [f"{case.service}.{kind}" for kind in services.processes(case.service)]
    home = case.market.home
    try:
        with out.status(f"stopping {case.service} …"):
            for name in names:
                control.order(home, "stop", name=name)
        known = _known(case)  # once more: now nothing is written any more
        epoch = 1 + max(case.manifest.epoch, known.newest_epoch, _epoch_on_record(case))
        _manage(case, "begin_recovery", "--epoch", str(epoch))
        _write_record(case, epoch=epoch, lost=[])
        _exchange(case)
    finally:
        with out.status(f"starting {case.service} …"):
            for name in names:
                control.order(home, "start", name=name)
    return known, epoch


def _exchange(case: Restore) -> None:
    try:
        with case.superuser() as connection:
            databases.put_in_place(connection, name=case.service, new=case.new, aside=case.aside)
    except psycopg.Error as error:
        why = f"{str(error).strip()}; the old database is still in its place."
        raise Refusal("The restored database could not take its place.", why=why) from error


def _known(case: Restore) -> rewound.Known:
    return rewound.ask(case.service, dsns=audit.dsns(case.market), since=case.manifest.epoch)


def _epoch_on_record(case: Restore) -> int:
    """The newest that an earlier restore here has begun, heard of or not."""
    earlier = case.record.parent.glob(f"{case.service}-*.json")
    return max((int(json.loads(path.read_text())["epoch"]) for path in earlier), default=0)


def _show_what_is_lost(case: Restore, known: rewound.Known, restored: Mapping[str, rewound.State]) -> None:
    """Before it is done: what the dump does not know. Part of it may be heard again from the others."""
    taken = f"{case.manifest.taken_at:%Y-%m-%d %H:%M:%S} UTC"
    lost = known.memories.missing_from(restored, noun=rewound.noun(case.service))
    out.print(f"The dump is of {taken}. It does not know the last state of {len(lost)} that were acknowledged since:")
    _show(lost)
    for table, count in known.rows.items():
        if table not in _counted_otherwise(case.service) and count != case.manifest.rows.get(table):
            out.print(f"  {table}: {count} rows, {case.manifest.rows.get(table, 0)} in the dump")
    for name in known.silent:
        out.print(f"  [yellow]the database of {name} cannot be read: what only it knows is not in this list[/]")


def _counted_otherwise(service: str) -> set[str]:
    """Tables whose rows are listed one by one, or are heard again."""
    heard_again = {"inboxevent", "outboxevent", "heard", "progress", "replayrequest"}
    own = {rewound.AGGREGATES[service].table} if service in rewound.AGGREGATES else set()
    return own | {f"messaging_{name}" for name in heard_again}


def _show(lost: Sequence[rewound.Rewound]) -> None:
    for one in lost[:_SHOWN]:
        out.print(f"  {one}", soft_wrap=True)
    if len(lost) > _SHOWN:
        out.print(f"  … and {len(lost) - _SHOWN} more")


def _confirmed(case: Restore) -> bool:
    if not sys.stdin.isatty():
        raise Refusal("restore asks before it puts a service back, and nobody can answer here.", do="add --yes")
    answer = input(f"Put {case.service} back to this dump? [y/N] ")
    return answer.strip().lower() in ("y", "yes")


def _follow(case: Restore) -> None:
    """Until the service is abreast of the others and has told its aggregates anew; says for whom it waits."""
    said = ""
    try:
        with out.status("catching up …") as spinner:
            while doing := _doing(case):
                spinner.update(doing)
                if doing != said and not out.is_terminal:
                    out.print(doing)
                said = doing
                time.sleep(_LOOK_EVERY_SECONDS)
    except KeyboardInterrupt:
        out.print(f"{case.service} goes on by itself; /readyz of its messaging process tells how far it is.")
        raise


def _doing(case: Restore) -> str:
    try:
        with psycopg.connect(case.url()) as connection:
            ((since, announced_to),) = connection.execute(_STATE)
            followed = connection.execute(_FOLLOWED, [since]).fetchall() if since else []
    except psycopg.OperationalError:
        return "its database does not answer"
    if since:
        waits = [
            f"{source.strip('/')} ({f'{missing} events to come' if heard else 'it has not spoken yet'})"
            for source, heard, missing in followed
            if not heard or missing > 0
        ]
        return f"writes are refused; waits for {', '.join(waits) or 'its messaging process'}"
    return "writes are open; telling the others what there is" if announced_to else ""


def _tell(case: Restore, known: rewound.Known, epoch: int) -> None:
    """Afterwards: what did not come back, on the screen and for the record."""
    with psycopg.connect(case.url()) as connection:
        found = rewound.states(connection, case.service)
    lost = known.memories.missing_from(found, noun=rewound.noun(case.service))
    _write_record(case, epoch=epoch, lost=lost)
    out.print(f"[bold green]{case.service} has caught up.[/] {len(lost)} acknowledged states did not come back.")
    _show(lost)
    out.print(f"The whole list: {case.record}", soft_wrap=True)


def _write_record(case: Restore, *, epoch: int, lost: Sequence[rewound.Rewound]) -> None:
    files.directory(case.record.parent)
    told = {
        "service": case.service,
        "from": str(case.dump),
        "takenAt": case.manifest.taken_at.isoformat(),
        "restoredAt": case.began.isoformat(),
        "epoch": epoch,
        "oldDatabase": case.aside,
        "lost": [dataclasses.asdict(one) for one in lost],
    }
    files.write(case.record, json.dumps(told, indent=1))


def _manage(case: Restore, *arguments: str) -> None:
    """A management command on the restored database. Raises Refusal with what it said."""
    environment = services.environment(case.market, case.service) | {"DATABASE_URL": case.url(case.new)}
    line = services.manage(case.service, *arguments)
    done = subprocess.run(line, env=environment, cwd=homes.ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        why = done.stderr.strip()[-1500:] or f"{arguments[0]} ended with exit code {done.returncode}."
        raise Refusal(f"The dump of {case.service} does not fit.", why=why)

"""backup: a checked dump of each service's database, taken while the market runs."""

from collections.abc import Sequence
from pathlib import Path

import psycopg

from deploy.local import databases, dumps, files, homes, lifecycle, market_state, services
from deploy.local.refusals import Refusal


def main(home: homes.Home, *, names: Sequence[str], to: str | None) -> int:
    """Dump the databases of the services called `names` (all when there is none) into the directory `to`."""
    for name in names:
        if name not in services.NAMES:
            raise Refusal(f"There is no service {name}.", do=f"there are: {', '.join(services.NAMES)}")
    market = market_state.require(home)
    for name in names:
        demand_joined(market, name)
    folder = _folder(home, to)
    for name in names or market.services:
        path = back_up(market, name, folder=folder)
        manifest = dumps.read(path)
        told = f"{sum(manifest.rows.values())} rows, epoch {manifest.epoch}, position {manifest.position}"
        lifecycle.out.print(f"[green]✓[/] {name:<10} {path}  [dim]{told}[/]", soft_wrap=True)
    return 0


def back_up(market: services.Market, service: str, *, folder: Path) -> Path:
    """A dump of one service's database that has been read back once. Raises Refusal, and then leaves none."""
    home, port = market.home, market.ports[f"{service}.postgres"]
    tools = databases.locate(home)
    try:
        path = dumps.make(tools, url=databases.url(home, service, port), service=service, folder=folder)
    except psycopg.Error as error:
        raise Refusal(f"The database of {service} cannot be dumped.", why=str(error).strip()) from error
    try:
        _check(market, service, tools, path)
    except Refusal:
        path.unlink()
        dumps.manifest_of(path).unlink()
        raise
    return path


def demand_joined(market: services.Market, service: str) -> None:
    """Raises Refusal for a service that was written while the market was up, and never started."""
    if service not in market.services:
        raise Refusal(
            f"{service} has not joined this market yet, so it has no database.", do=f"./manage_all.py join {service}"
        )


def _check(market: services.Market, service: str, tools: Path, path: Path) -> None:
    """Read the dump into a database that is thrown away: a dump that nobody has read back is a hope."""
    home, port = market.home, market.ports[f"{service}.postgres"]
    if not any(" TABLE DATA " in entry for entry in dumps.list_contents(tools, path)):
        raise Refusal(f"{path} contains no data.")
    name = f"{service}_check"
    with databases.superuser(home, service, port) as connection:
        databases.drop_database(connection, name=name)
        databases.create_database(connection, name=name, owner=service)
        try:
            url = databases.url(home, service, port, database=name)
            dumps.load(tools, url=url, path=path, manifest=dumps.read(path))
        finally:
            databases.drop_database(connection, name=name)


def _folder(home: homes.Home, to: str | None) -> Path:
    """A directory that is there. An existing one keeps its mode: only what is made here is for its owner alone."""
    folder = Path(to).resolve() if to else home.path / "backups"
    if folder.is_dir():
        return folder
    try:
        return files.directory(folder)
    except OSError as error:
        raise Refusal(f"{folder} cannot be made.", why=str(error), do="name another directory with --to.") from error

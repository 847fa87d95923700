"""A real Prometheus with the operator's rules, which scrapes a real market."""

import contextlib
import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from deploy.local import homes, market_state, ports, rabbitmq
from shared.testing import waiting
from tests.observability import files

EVERY_SECONDS = 1


class Prometheus:
    """One that is up."""

    def __init__(self, url: str, targets: Mapping[str, Mapping[str, str]]) -> None:
        self.url = url
        self.targets = targets
        """By address: what each target is labelled with."""

    def ask(self, path: str, **parameters: str) -> Any:
        """The data that its API answers with. Raises urllib.error.HTTPError where it refuses."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=30) as answer:  # noqa: S310 - our own
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that it comes to now. Raises urllib.error.HTTPError where it is none."""
        result: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return result

    def exported(self) -> dict[str, dict[str, str]]:
        """The metrics that any target has told of, also where none has a sample yet: their type and help."""
        return {name: told[0] for name, told in self.ask("metadata").items()}

    def series_names(self) -> set[str]:
        """What series may be called: a family's name, and a histogram's three."""
        names = set(self.ask("label/__name__/values"))
        for name, told in self.exported().items():
            names |= {f"{name}_{end}" for end in ("bucket", "count", "sum")} if told["type"] == "histogram" else {name}
        return names

    def labels_of(self, metric: str) -> set[str]:
        """The labels that any series of that name has; none where there is no series yet."""
        return {label for series in self.ask("series", **{"match[]": metric}) for label in series}


def targets(market: Any) -> dict[str, dict[str, str]]:
    """Every process of the market with a /metrics, by its address, labelled as prometheus.yml and Kubernetes do."""
    up = market_state.require(homes.Home(market.home))
    named = (name.split(".") for name in up.ports if name.count(".") == 1)
    return {
        f"127.0.0.1:{up.ports[f'{service}.{kind}']}": {"service": service, "kind": kind}
        for service, kind in named
        if kind in ("web", "messaging", "worker")
    }


def open_broker(market: Any) -> dict[str, dict[str, str]]:
    """Have the market's RabbitMQ tell its metrics, as the official image does; where."""
    home, port = homes.Home(market.home), ports.free()
    told = f'application:set_env(rabbitmq_prometheus, tcp_config, [{{port, {port}}}, {{ip, "127.0.0.1"}}], [{{persistent, true}}]).'  # noqa: E501
    for name, *arguments in (("rabbitmqctl", "eval", told), ("rabbitmq-plugins", "enable", "rabbitmq_prometheus")):
        done = rabbitmq.tool(home, market_state.require(home).ports, name, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    return {f"127.0.0.1:{port}": {"service": "rabbitmq"}}


@contextlib.contextmanager
def prometheus(place: Path, scraped: Mapping[str, Mapping[str, str]]) -> Iterator[Prometheus]:
    """One that scrapes these targets, and itself, for the length of the block."""
    own = f"127.0.0.1:{ports.free()}"
    every = {**scraped, own: {"service": "prometheus"}}
    statics = [{"targets": [address], "labels": dict(labels)} for address, labels in every.items()]
    config = {
        "global": {"scrape_interval": f"{EVERY_SECONDS}s", "evaluation_interval": f"{EVERY_SECONDS}s"},
        "rule_files": [str(files.PROMETHEUS / "alerts.yml")],
        "scrape_configs": [{"job_name": "market", "static_configs": statics}],
    }
    (place / "prometheus.yml").write_text(yaml.safe_dump(config))
    line = ["prometheus", f"--config.file={place}/prometheus.yml", f"--storage.tsdb.path={place}/data"]
    with (place / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([*line, f"--web.listen-address={own}"], stdout=log, stderr=log)
    try:
        started = Prometheus(f"http://{own}", every)
        waiting.until(lambda: _is_up(started, process, place), seconds=60, what="every target to be scraped")
        yield started
    finally:
        process.terminate()
        process.wait(timeout=30)


def _is_up(started: Prometheus, process: subprocess.Popen[bytes], place: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError((place / "prometheus.log").read_text()[-4000:])
    with contextlib.suppress(OSError):
        return len(started.query("up == 1")) == len(started.targets)
    return False


def moved(started: Prometheus, counters: Sequence[str]) -> None:
    """Until each of these counts has moved under its eyes: then there are rates to speak of."""
    for counter in counters:
        waiting.until(lambda: started.query(f"increase({counter}[1m]) > 0"), seconds=60, what=counter)  # noqa: B023

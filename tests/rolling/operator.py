"""Who brings another release of orders into a market that is up, step by step as docs/operations.md has it."""

import dataclasses
import subprocess
from functools import partial

import httpx
import psutil

from deploy.local import control, gateway, homes, market_state, ports, services, spec
from shared.testing import waiting

KINDS = services.processes("orders")
OLD, NEW = "orders.{}", "orders.{}.next"


class Operator:
    def __init__(self, market):
        self._home = homes.Home(market.home)
        self._market = market

    def migrates(self, tree, *target):
        """With that release's migrations, forward unless told otherwise."""
        line = services.manage("orders", "migrate", "--noinput", *target)
        told = self._market.environment("orders")
        done = subprocess.run(line, cwd=tree, env=told, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def begins(self, tree):
        """The processes of that release, beside those that run; they are ready."""
        up = market_state.require(self._home)
        for kind in KINDS:
            port = ports.free()
            url = f"http://127.0.0.1:{port}"
            control.keep(
                self._home,
                spec.Process(
                    name=NEW.format(kind),
                    line=services.line("orders", kind, port),
                    environment=services.environment(up, "orders"),
                    cwd=tree,
                    port=port,
                    url=url,
                    ready=partial(services.answers, f"{url}/readyz"),
                ),
            )

    def begins_again(self):
        """The processes of the release that was there at first."""
        self._market.start(*map(OLD.format, KINDS))

    def leads_to(self, *releases):
        """The gateway leads to the web processes of these releases from now on, and to no other."""
        up = market_state.require(self._home)
        others = {release.format("web") for release in {OLD, NEW} - set(releases)}
        gateway.reload(
            dataclasses.replace(up, ports={name: port for name, port in up.ports.items() if name not in others})
        )

    def ends(self, release, *, other):
        """The processes of a release, once the gateway leads to the other alone and what was begun is answered."""
        self.leads_to(other)
        port = self._market.row(release.format("web"))["port"]
        waiting.until(lambda: not _is_busy(port), seconds=30, what="what was begun to be answered")
        self._market.stop(*map(release.format, KINDS))
        url = self._market.row(other.format("messaging"))["url"]
        waiting.until(lambda: _leads(url), seconds=30, what="the messaging process to take over")


def _is_busy(port):
    """Whether anybody is connected to this port."""
    connected = psutil.net_connections("tcp4")
    return any(one.laddr.port == port and one.status == psutil.CONN_ESTABLISHED for one in connected)


def _leads(url):
    parts = httpx.get(f"{url}/readyz", timeout=5).json()["parts"]
    return "spare" not in parts.values()

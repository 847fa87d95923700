"""The real gateway before whatever a test puts behind it."""

import contextlib
import os
import subprocess

from deploy.local import gateway, ports, services
from shared.testing import waiting


@contextlib.contextmanager
def serving(place, *, scheme="http", **environment):
    """The address of a gateway that is told `environment`; a service that it names no upstream of is down."""
    port = ports.free()
    url = f"{scheme}://127.0.0.1:{port}"
    dead = f"127.0.0.1:{ports.free()}"
    told = {
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "GATEWAY_ADDRESS": f"http://:{port}" if scheme == "http" else url,
        "GATEWAY_BIND": "127.0.0.1",
        "GATEWAY_REDIRECTS": "off",
        "GATEWAY_SITE": str(gateway.PLACE / "site"),
        "GATEWAY_DOCUMENTS": str(gateway.DOCUMENTS),
        "GATEWAY_SWAGGER": str(gateway.swagger()),
        "XDG_DATA_HOME": str(place),
        **{f"{service.upper()}_UPSTREAM": dead for service in services.NAMES},
        **environment,
    }
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(gateway.line("run"), env=told, cwd=place, stdout=log, stderr=log)
    authority = root(place) if scheme == "https" else None
    try:
        waiting.until(lambda: services.answers(f"{url}/", authority=authority), seconds=20, what="Caddy")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)


def root(place):
    """The certificate of the authority that such a gateway has made for itself."""
    return place / "caddy" / "pki" / "authorities" / "local" / "root.crt"

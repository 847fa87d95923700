"""Where a request came from, as far as those in between can be believed."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

UNKNOWN = "unknown"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def of(request: HttpRequest | Request) -> str:
    """The address of the client, for counting: an IPv4 address, or the /64 network that an IPv6 client owns.

    `X-Forwarded-For` is read from the right, as long as those who wrote it are in TRUSTED_PROXIES (addresses or
    networks): the first one that is not is the client, whatever stands left of it.
    """
    hops = [*request.META.get("HTTP_X_FORWARDED_FOR", "").split(","), request.META.get("REMOTE_ADDR", "")]
    client: Address | None = None
    for hop in reversed(hops):
        address = _parse(hop)
        if address is None:
            break
        client = address
        if not _trusted(address):
            break
    return UNKNOWN if client is None else _counted(client)


def _parse(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _trusted(address: Address) -> bool:
    return any(address in ipaddress.ip_network(proxy, strict=False) for proxy in settings.TRUSTED_PROXIES)


def _counted(address: Address) -> str:
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((int(address), 64), strict=False))

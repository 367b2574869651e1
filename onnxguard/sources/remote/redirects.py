"""A redirect from a public host into a private network is not followed.

Else a server on the internet could have this machine ask for what only it can reach: a service of
its own, a router, the credentials that a cloud hands out at 169.254.169.254. Whoever names such an
address names it without a redirect.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any

from onnxguard.base.printable import printable
from onnxguard.sources.remote.faults import RemoteError

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def guard() -> Any:
    """An ``aiohttp.TraceConfig`` that looks at every redirect before it is followed."""
    import aiohttp

    config = aiohttp.TraceConfig()
    config.on_request_redirect.append(_look)
    return config


async def _look(_session: Any, _context: Any, redirect: Any) -> None:
    from yarl import URL

    headers = redirect.response.headers
    try:
        target = redirect.url.join(URL(headers.get("Location") or headers.get("URI") or ""))
    except ValueError:
        return  # aiohttp says so
    if await _is_private(target.host) and not await _is_private(redirect.url.host):
        redirect.response.close()
        raise RemoteError(
            "cannot be read: the server redirects from a public host to "
            f"{printable(target.host)}, a private address",
            "give the address that it leads to, if that is meant",
        )


async def _is_private(host: str | None) -> bool:
    """Whether any address of a host is one that the internet cannot reach; False if it has none."""
    if not host:
        return False
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False  # only a proxy can reach it, if anybody
    return any(is_private_address(str(address[0])) for *_, address in found)


def is_private_address(text: str) -> bool:
    """Whether an address is private, loopback, link-local, reserved or for a group of hosts.

    >>> is_private_address("169.254.169.254"), is_private_address("::ffff:10.0.0.1")
    (True, True)
    >>> is_private_address("1.1.1.1")
    False
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_private_address(str(inner))
    return not address.is_global or address.is_multicast

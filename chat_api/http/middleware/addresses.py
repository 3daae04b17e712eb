"""Where a request comes from: the peer, or what a trusted proxy says of it."""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

Address = IPv4Address | IPv6Address
Networks = Iterable[IPv4Network | IPv6Network]

# Proxies that send wss for an upgrade mean the same connection as https.
_SCHEMES = {"http": "http", "ws": "http", "https": "https", "wss": "https"}
# 203.0.113.7:51234, [2001:db8::1]:443, [2001:db8::1]: an address, and perhaps the port that it called from.
_WITH_PORT = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<v4>[0-9.]+))(?::[0-9]{1,5})?", re.ASCII)


class ForwardedAddresses:
    """Believes ``X-Forwarded-For`` and ``-Proto`` from ``TRUSTED_PROXIES`` only.

    The client is the last address in the chain that is no trusted proxy: whatever stands left of it, the client
    may have written itself. No other header is believed, above all not ``Forwarded`` and ``X-Forwarded-Host``: a proxy
    that is set up for one kind passes on what a client writes into the other. Source: decision 0048.
    """

    def __init__(self, app: ASGIApp, *, trusted_proxies: Iterable[str]) -> None:
        self._app = app
        self._networks = [ip_network(proxy, strict=False) for proxy in trusted_proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rewrite ``client`` and ``scheme`` of the scope, then go on."""
        if scope["type"] in {"http", "websocket"}:
            self.believe(scope)
        await self._app(scope, receive, send)

    def believe(self, scope: Scope) -> None:
        """Take over what the peer says, if it is a trusted proxy."""
        peer = scope.get("client")
        if not peer:
            return
        address = parsed_address(peer[0])
        if address is not None:
            scope["client"] = (str(address), peer[1])
        if not _is_within(address, self._networks):
            return
        headers = Headers(scope=scope)
        # A proxy may add a line of its own below the client's: only all lines together are the chain.
        chain = [part for part in ",".join(headers.getlist("x-forwarded-for")).split(",") if part.strip()]
        for part in reversed(chain):
            address = parsed_address(part)
            if address is None:
                break  # a proxy that does not know its client, or hides it: then all we know is the proxy
            if not _is_within(address, self._networks):
                scope["client"] = (str(address), 0)
                break
        proto = _SCHEMES.get(",".join(headers.getlist("x-forwarded-proto")).split(",")[-1].strip())
        if proto is not None:
            is_websocket = scope["type"] == "websocket"
            scope["scheme"] = {"http": "ws", "https": "wss"}[proto] if is_websocket else proto


@lru_cache(maxsize=4096)
def parsed_address(text: str) -> Address | None:
    """An address as a proxy writes it: with a port, in brackets, in quotes or as it is; ``None`` for anything else."""
    bare = text.strip()
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        bare = bare[1:-1]
    match = _WITH_PORT.fullmatch(bare)
    try:
        parsed = ip_address(((match["v6"] or match["v4"]) if match else bare).partition("%")[0])
    except ValueError:
        return None
    # A socket that listens on IPv6 shows IPv4 peers as ::ffff:192.0.2.1.
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _is_within(address: Address | None, networks: Networks) -> bool:
    return address is not None and any(address in network for network in networks)

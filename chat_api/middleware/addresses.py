"""Where a request comes from: the peer, or what a trusted proxy says of it."""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send


class ForwardedAddresses:
    """Believes ``X-Forwarded-For`` and ``-Proto`` from ``TRUSTED_PROXIES`` only.

    The client is the last address in the chain that is no trusted proxy: whatever stands left of it, the client
    may have written itself.
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
        if not self._networks or not peer or not _is_within(peer[0], self._networks):
            return
        headers = Headers(scope=scope)
        # A proxy may add a line of its own below the client's: only all lines together are the chain.
        chain = [part.strip() for part in ",".join(headers.getlist("x-forwarded-for")).split(",") if part.strip()]
        for address in reversed(chain):
            if not _is_within(address, self._networks):
                scope["client"] = (address[:64], 0)
                break
        proto = ",".join(headers.getlist("x-forwarded-proto")).split(",")[-1].strip()
        if proto in {"http", "https"}:
            is_websocket = scope["type"] == "websocket"
            scope["scheme"] = {"http": "ws", "https": "wss"}[proto] if is_websocket else proto


def _is_within(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    # A socket that listens on IPv6 shows IPv4 peers as ::ffff:192.0.2.1.
    plain = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(plain in network for network in networks)

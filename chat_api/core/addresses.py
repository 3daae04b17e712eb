"""Addresses of clients, as limits count them."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

UNKNOWN = "unknown"
# What one customer of a provider gets at the least. Source: RFC 6177; one host picks among 2^64 addresses of it.
HOST_NETWORK_BITS = 64


@lru_cache(maxsize=4096)
def address_key(address: str | None) -> str:
    """What a limit counts for an address: IPv4 as it is, IPv6 by its /64; what is no address shares one key.

    An IPv4 address that a dual-stack socket shows as ``::ffff:192.0.2.1`` is that IPv4 address. Zones are dropped.
    """
    try:
        parsed = ip_address((address or "").strip().partition("%")[0])
    except ValueError:
        return UNKNOWN
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    network = int(parsed) >> HOST_NETWORK_BITS << HOST_NETWORK_BITS
    return f"{IPv6Address(network)}/{HOST_NETWORK_BITS}"

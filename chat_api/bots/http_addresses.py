"""Where hosts are: resolved in the background, remembered for a while, asked anew after a failure."""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

ADDRESS_S = 300.0
MAX_HOSTS = 4096


class AddressBook:
    """Addresses of hosts. Many who ask for one host at once wait for one look-up."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._known: dict[str, tuple[float, Sequence[str]]] = {}
        self._asking: dict[str, asyncio.Task[Sequence[str]]] = {}

    async def resolve(self, host: str) -> Sequence[str]:
        """Addresses of a host in the order to try them; an address is its own.

        Raises: OSError when the host is unknown.
        """
        known = self._known.get(host)
        if known is not None and self._loop.time() < known[0]:
            return known[1]
        if _is_address(host):
            return (host,)
        asking = self._asking.get(host)
        if asking is None:
            asking = self._asking[host] = self._loop.create_task(self._ask(host), name=f"resolve-{host}")
            asking.add_done_callback(lambda task: self._asked(host, task))
        return await asyncio.shield(asking)

    def evict(self, host: str) -> None:
        """Ask anew next time: a recreated container has another address."""
        self._known.pop(host, None)

    async def aclose(self) -> None:
        """Wait for nobody any more."""
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def _ask(self, host: str) -> Sequence[str]:
        found = await self._loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return tuple(dict.fromkeys(str(address[0]) for *_, address in found))

    def _asked(self, host: str, task: "asyncio.Task[Sequence[str]]") -> None:
        del self._asking[host]
        if task.cancelled() or task.exception() is not None:
            return
        if len(self._known) >= MAX_HOSTS:
            self._known.clear()
        self._known[host] = (self._loop.time() + ADDRESS_S, task.result())


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True

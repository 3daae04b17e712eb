"""The connections of the web server: how many there may be, from whom, and how long one may say nothing.

What waits for its client (a silent connection, half a request, an idle one between two requests) holds a place only
while nobody else needs it: when an address, or the process, has as many as it may, the one that has waited longest is
closed for the new one. So silence keeps nobody out, and what is being answered is never closed.
"""

import asyncio
import resource
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Protocol

from chat_api.core.addresses import address_key
from chat_api.core.logging import get_logger
from chat_api.core.settings import Settings

log = get_logger(__name__)

SWEEP_EVERY_S = 1.0
# Descriptors for Redis, the container engine, logs, files, listeners; those of the pools are counted beside them.
OWN_DESCRIPTORS = 200
# As many as the largest deployment needs; what closes all of its descriptors one by one should not count to a billion.
MOST_DESCRIPTORS = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a client may take, in seconds. Source: promises, "Who gets in"."""

    head_s: float = 10.0
    body_s: float = 30.0
    # A body may take longer than that if it keeps coming: a second for each so many bytes.
    body_bytes_per_s: int = 8 * 1024


class Waiting(Protocol):
    """A connection, as far as the book knows it."""

    deadline_s: float

    def expire(self, now_s: float) -> None:
        """Its deadline is over."""

    def evict(self) -> None:
        """Its place is needed."""


class Crowd:
    """All connections of one address; ``waiting`` are those that wait for their client, the longest first."""

    __slots__ = ("count", "key", "waiting")

    def __init__(self, key: str) -> None:
        self.key = key
        self.count = 0
        self.waiting: dict[Waiting, None] = {}


class Seat:
    """The place of one connection, from its first moment to its last."""

    __slots__ = ("_book", "_crowd", "_holder")

    def __init__(self, book: "ConnectionBook", crowd: Crowd, holder: Waiting) -> None:
        self._book = book
        self._crowd: Crowd | None = crowd
        self._holder = holder

    def wait(self) -> None:
        """It waits for its client from now on."""
        if self._crowd is not None:
            self._crowd.waiting[self._holder] = None
            self._book.waiting[self._holder] = self

    def work(self) -> None:
        """It waits for us from now on."""
        if self._crowd is not None:
            self._crowd.waiting.pop(self._holder, None)
            self._book.waiting.pop(self._holder, None)

    def leave(self) -> None:
        """It is gone; harmless when done twice."""
        if self._crowd is not None:
            self.work()
            self._book.left(self._crowd)
            self._crowd = None


class ConnectionBook:
    """Who is connected. ``limit`` is for all; ``per_address`` for an address (IPv6: a /64) that is no trusted proxy."""

    def __init__(self, *, limit: int, per_address: int, trusted_proxies: Iterable[str] = ()) -> None:
        self.count = 0
        self.waiting: dict[Waiting, Seat] = {}
        self._limit = limit
        self._per_address = per_address
        self._proxies = [ip_network(proxy, strict=False) for proxy in trusted_proxies]
        self._crowds: dict[str, Crowd] = {}
        self._sweep: asyncio.TimerHandle | None = None

    def enter(self, holder: Waiting, address: str | None) -> Seat | None:
        """A seat for a new connection, which waits for its client; ``None`` when nobody can make room for it."""
        key = address_key(address)
        crowd = self._crowds.get(key)
        is_crowded = crowd is not None and crowd.count >= self._per_address and not self._is_proxy(address)
        if crowd is not None and is_crowded and not self._evict(crowd.waiting):
            log.warning("connections_refused", reason="address", count=crowd.count)
            return None
        if self.count >= self._limit and not self._evict(self.waiting):
            log.warning("connections_refused", reason="all", count=self.count)
            return None
        crowd = self._crowds.setdefault(key, Crowd(key))  # it may have lost its last one just now
        crowd.count += 1
        self.count += 1
        seat = Seat(self, crowd, holder)
        seat.wait()
        return seat

    def left(self, crowd: Crowd) -> None:
        """One of a crowd is gone."""
        self.count -= 1
        crowd.count -= 1
        if not crowd.count:
            del self._crowds[crowd.key]

    def start(self) -> None:
        """Look after deadlines from now on."""
        self._sweep = asyncio.get_running_loop().call_later(SWEEP_EVERY_S, self._expire_late)

    def stop(self) -> None:
        """Look after nothing any more."""
        if self._sweep is not None:
            self._sweep.cancel()

    def _expire_late(self) -> None:
        now_s = asyncio.get_running_loop().time()
        for holder in [holder for holder in self.waiting if holder.deadline_s <= now_s]:
            holder.expire(now_s)
        self.start()

    def _evict(self, waiting: Iterable[Waiting]) -> bool:
        holder = next(iter(waiting), None)
        if holder is None:
            return False
        self.waiting[holder].leave()
        holder.evict()
        return True

    def _is_proxy(self, address: str | None) -> bool:
        try:
            parsed = ip_address(address or "")
        except ValueError:
            return False
        plain = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(plain in network for network in self._proxies)


def connection_book(settings: Settings) -> ConnectionBook:
    """The book of this process: what it has left of descriptors after its own calls is for its clients."""
    own = settings.connection_pool_size + settings.database_pool_size + OWN_DESCRIPTORS
    descriptors = raise_descriptors()
    return ConnectionBook(
        limit=max(descriptors - own, descriptors // 2),
        per_address=settings.max_http_connections_per_address,
        trusted_proxies=settings.trusted_proxies,
    )


def raise_descriptors() -> int:
    """Take as many descriptors as the system lets us; returns how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft

"""Our own HTTP/1.1 client for the calls that every message makes: pooled connections, nothing else.

A call costs a fifth of what it costs through a general client. How many run at once is for the caller to bound.
Source: docs/decisions/0002-own-bot-client.md
"""

import asyncio
import ssl
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from chat_api.bots.http import DETAIL_CHARS, UNAVAILABLE_RETRY_AFTER_S, OnEventData, Reply
from chat_api.bots.http_addresses import AddressBook
from chat_api.bots.http_connection import HttpConnection
from chat_api.core.errors import BotFailed, BotTimeout, BotUnavailable, Upstream

# The loops count whole milliseconds, so that a timer may fire a little before its time.
TICK_S = 0.002
CONNECT_TIMEOUT_S = 5.0
# Below the 5 s after which uvicorn (v2 bots) hangs up an idle connection: a request must not meet a dying one, for
# then nobody knows whether the bot has read it.
KEEPALIVE_S = 4.0
SWEEP_S = 1.0
CLOSE_TIMEOUT_S = 1.0

_HEADERS = (
    "Accept: application/json, text/event-stream\r\n"
    "Accept-Encoding: identity\r\n"  # a compressed answer could be a bomb
    "User-Agent: whisperengine-console\r\n"
)


class Origin(NamedTuple):
    """Whom a connection can serve."""

    is_encrypted: bool
    host: str
    port: int


class HttpPool:
    """A ``BotHttp``: connections to all bots, the one used last is used next, at most ``max_idle`` wait for use."""

    def __init__(self, *, max_idle: int, max_body_bytes: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._max_idle = max_idle
        self._max_body_bytes = max_body_bytes
        self._addresses = AddressBook()
        self._open: set[HttpConnection] = set()
        self._idle: dict[Origin, list[HttpConnection]] = {}
        self._idle_count = 0
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._tls: ssl.SSLContext | None = None
        self._is_closed = False

    async def request(
        self,
        method: str,
        url: str,
        *,
        deadline_at: float,
        content: bytes | None = None,
        on_event_data: OnEventData | None = None,
    ) -> Reply:
        """See ``BotHttp``. A connection that failed in use is not replaced: the bot may have read the request."""
        origin, head = _prepared(method, url)
        if content is None:
            request = head + b"\r\n"
        else:
            request = b"%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
                head,
                len(content),
                content,
            )
        connection = self._idle_connection(origin) or await self._connected(origin, deadline_at)
        try:
            return await connection.exchange(
                request, deadline_at=deadline_at, max_body_bytes=self._max_body_bytes, on_event_data=on_event_data
            )
        except Upstream as error:
            error.detail = f"{url}: {error.detail}"[:DETAIL_CHARS]
            raise
        finally:
            self._put_back(origin, connection)

    async def aclose(self) -> None:
        """Close every connection and see it go; requests under way fail as unavailable."""
        self._is_closed = True
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        await self._addresses.aclose()
        closing = [connection.closed for connection in self._open]
        for connection in list(self._open):
            connection.abort()
        if closing:
            await asyncio.wait(closing, timeout=CLOSE_TIMEOUT_S)

    def _idle_connection(self, origin: Origin) -> HttpConnection | None:
        waiting = self._idle.get(origin)
        oldest_s = self._loop.time() - KEEPALIVE_S
        while waiting:
            connection = waiting.pop()
            self._idle_count -= 1
            if connection.is_usable and connection.idle_since > oldest_s:
                return connection
            connection.abort()
        return None

    def _put_back(self, origin: Origin, connection: HttpConnection) -> None:
        if not connection.is_usable or self._is_closed or self._idle_count >= self._max_idle:
            connection.abort()
            return
        connection.idle_since = self._loop.time()
        self._idle.setdefault(origin, []).append(connection)
        self._idle_count += 1
        if self._sweep_timer is None:
            self._sweep_timer = self._loop.call_later(SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        """Close what nobody has used for long, and go on for as long as something waits."""
        oldest_s = self._loop.time() - KEEPALIVE_S
        for origin, waiting in list(self._idle.items()):
            kept = [one for one in waiting if one.is_usable and one.idle_since > oldest_s]
            for connection in set(waiting) - set(kept):
                connection.abort()
            self._idle_count -= len(waiting) - len(kept)
            self._idle[origin] = kept
            if not kept:
                del self._idle[origin]
        self._sweep_timer = self._loop.call_later(SWEEP_S, self._sweep) if self._idle else None

    async def _connected(self, origin: Origin, deadline_at: float) -> HttpConnection:
        give_up_at = min(deadline_at, self._loop.time() + CONNECT_TIMEOUT_S)
        try:
            async with asyncio.timeout_at(give_up_at):
                connection = await self._connect(origin, give_up_at)
        except (OSError, ValueError) as error:  # no such host, nobody listens, no time left, no trusted certificate
            self._addresses.evict(origin.host)
            detail = f"cannot connect to {origin.host}:{origin.port}: {error!r}"[:DETAIL_CHARS]
            if isinstance(error, TimeoutError) and self._loop.time() >= deadline_at - TICK_S:
                raise BotTimeout(detail=detail, extra={"connect_failed": True}) from error
            raise _unreached(detail) from error
        if self._is_closed:
            connection.abort()
            raise _unreached("the pool was closed")
        return connection

    async def _connect(self, origin: Origin, give_up_at: float) -> HttpConnection:
        """Try each address of the host in turn; each gets its share of the time that is left."""
        addresses = await self._addresses.resolve(origin.host)
        tls, server = (self._tls_context(), origin.host) if origin.is_encrypted else (None, None)
        for count, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            now = self._loop.time()
            try:
                async with asyncio.timeout_at(now + (give_up_at - now) / count):
                    _, connection = await self._loop.create_connection(
                        lambda: HttpConnection(self._open), address, origin.port, ssl=tls, server_hostname=server
                    )
                    return connection
            except OSError:
                if count == 1:
                    raise
        raise OSError("no address")

    def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


def _unreached(detail: str) -> BotUnavailable:
    return BotUnavailable(detail=detail, retry_after_s=UNAVAILABLE_RETRY_AFTER_S, extra={"connect_failed": True})


@lru_cache(maxsize=2048)
def _prepared(method: str, url: str) -> tuple[Origin, bytes]:
    """Where a request goes and how it begins. Raises: BotFailed when the address is none."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("not an http or https address")
        host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()
        is_encrypted = parts.scheme == "https"
        origin = Origin(is_encrypted, host, parts.port or (443 if is_encrypted else 80))
        target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~") + (
            "?" + quote(parts.query, safe="/%?&=") if parts.query else ""
        )
    except ValueError as error:
        raise BotFailed(detail=f"{url!r}: {error}"[:DETAIL_CHARS]) from error
    shown = f"[{host}]" if ":" in host else host
    authority = shown if parts.port is None else f"{shown}:{parts.port}"
    return origin, f"{method} {target} HTTP/1.1\r\nHost: {authority}\r\n{_HEADERS}".encode()

"""HTTP to bots that are not trusted: pooled, bounded in time and size, every library error translated.

httpx's API over aiohttp's connections, because httpx's own pool collapses under concurrency.
"""

import asyncio
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from chat_api.core.errors import BotFailed, BotTimeout, BotUnavailable, Upstream

CONNECT_TIMEOUT_S = 5.0
DNS_CACHE_S = 300
# Below the 5 s after which uvicorn (v2 bots) hangs up an idle connection: a request must not meet a dying one, for
# then nobody knows whether the bot has read it.
KEEPALIVE_S = 4.0
UNAVAILABLE_RETRY_AFTER_S = 5.0
DETAIL_CHARS = 500

HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # a compressed answer could be a bomb
    "Content-Type": "application/json",
    "User-Agent": "whisperengine-console",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A bot's whole HTTP answer, of bounded size."""

    status: int
    body: bytes
    retry_after: str | None = None


class BotHttp:
    """One pool of connections to all bots. Created on the running loop, closed with ``aclose``."""

    def __init__(
        self, *, limit: int, limit_per_host: int, max_body_bytes: int, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._max_body_bytes = max_body_bytes
        self._connector: aiohttp.TCPConnector | None = None
        if transport is None:
            self._connector = aiohttp.TCPConnector(
                limit=limit, limit_per_host=limit_per_host, ttl_dns_cache=DNS_CACHE_S, keepalive_timeout=KEEPALIVE_S
            )
            session = aiohttp.ClientSession(connector=self._connector, cookie_jar=aiohttp.DummyCookieJar())
            # `verify` concerns only a connector made by the transport; ours verifies certificates by default.
            transport = AiohttpTransport(client=session, verify=False)
        self._client = httpx.AsyncClient(
            transport=transport,
            headers=HEADERS,
            timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT_S),
            follow_redirects=False,
            trust_env=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # nothing passes from one user to the next
        )

    async def request(self, method: str, url: str, *, deadline_at: float, content: bytes | None = None) -> Reply:
        """Send one request and read the whole answer before ``deadline_at`` (the loop's clock).

        Raises: BotTimeout past the deadline, BotUnavailable when the bot was not reached or hung up (``extra``
        says ``connect_failed`` when it certainly has not seen the request), BotFailed when what came is not HTTP,
        is compressed or is too large.
        """
        try:
            async with asyncio.timeout_at(deadline_at):
                async with self._client.stream(method, url, content=content) as response:
                    body = await self._read(response)
                    return Reply(
                        status=response.status_code, body=body, retry_after=response.headers.get("retry-after")
                    )
        except TimeoutError as error:
            raise BotTimeout(detail=f"no whole answer from {url} in time") from error
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            httpx.StreamError,
            aiohttp.ClientError,
            OSError,
            ValueError,
        ) as error:
            raise _translated(error, url) from error

    def forget_address(self, url: str) -> None:
        """Resolve the host anew next time: a recreated container has another address."""
        if self._connector is not None:
            parsed = httpx.URL(url)
            self._connector.clear_dns_cache(parsed.host, parsed.port or (443 if parsed.scheme == "https" else 80))

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def _read(self, response: httpx.Response) -> bytes:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise BotFailed(detail="the answer is compressed, which was not asked for")
        chunks: list[bytes] = []
        size_bytes = 0
        async for chunk in response.aiter_raw():
            size_bytes += len(chunk)
            if size_bytes > self._max_body_bytes:
                raise BotFailed(detail=f"the answer is larger than {self._max_body_bytes} bytes")
            chunks.append(chunk)
        return b"".join(chunks)


def _translated(error: Exception, url: str) -> Upstream:
    detail = f"{type(error).__name__} from {url}: {error}"[:DETAIL_CHARS]
    if _is_connect_failure(error):
        return BotUnavailable(detail=detail, retry_after_s=UNAVAILABLE_RETRY_AFTER_S, extra={"connect_failed": True})
    # The transport reports every lost connection as a connect timeout; only its cause tells them apart.
    cause = error.__cause__
    if isinstance(error, httpx.TimeoutException) and not isinstance(cause, aiohttp.ClientConnectionError):
        return BotTimeout(detail=detail)
    if isinstance(error, httpx.TransportError | OSError) and not isinstance(error, httpx.UnsupportedProtocol):
        return BotUnavailable(detail=detail, retry_after_s=UNAVAILABLE_RETRY_AFTER_S, extra={"connect_failed": False})
    return BotFailed(detail=detail)


def _is_connect_failure(error: Exception) -> bool:
    """Whether the connection never came to be, so that the bot cannot have seen the request."""
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientError):
        return isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
    return isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)

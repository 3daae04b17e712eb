"""How many requests one API key may still make: a bucket that fills evenly, so that waiting as told is enough.

The general limits count a sliding minute; who has spent it in one go waits for most of another. A client of language
models retries after the seconds that it is told, once or twice: here the next request is free after a minute's part.

The bucket is in Redis, one for all processes, by Redis' clock; while Redis is away each process has its own.
Source: the generic cell rate algorithm (ITU-T I.371), as a virtual time at which the bucket is full again.
"""

import asyncio
import math
import time
from dataclasses import dataclass

from redis.asyncio import Redis

from chat_api.core.errors import RateLimited
from chat_api.core.logging import get_logger

log = get_logger(__name__)

REDIS_TIMEOUT_S = 1.0
REDIS_RETRY_S = 5.0
MAX_LOCAL = 10_000
_PREFIX = "whisperengine:allowance:"
_TAKE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local interval, size = tonumber(ARGV[1]), tonumber(ARGV[2])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local wait = full + interval - now - interval * size
if wait > 0.000001 then return {string.format('%.6f', wait), string.format('%.6f', full - now)} end
full = full + interval
redis.call('SET', KEYS[1], string.format('%.6f', full), 'PX', math.ceil((full - now) * 1000) + 1000)
return {'0', string.format('%.6f', full - now)}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left after a request; ``wait_s`` is over 0 when it was one too many, all is back in ``reset_s``."""

    limit: int
    remaining: int
    reset_s: float
    wait_s: float = 0.0

    def require(self) -> None:
        """Raises: RateLimited, with the seconds to wait."""
        if self.wait_s > 0:
            raise RateLimited(retry_after_s=max(1.0, self.wait_s))

    def headers(self) -> list[tuple[bytes, bytes]]:
        """As clients of language models read it. Source: OpenAI, "Rate limits in headers"."""
        return [
            (b"x-ratelimit-limit-requests", str(self.limit).encode()),
            (b"x-ratelimit-remaining-requests", str(self.remaining).encode()),
            (b"x-ratelimit-reset-requests", f"{math.ceil(self.reset_s)}s".encode()),
        ]


class Allowances:
    """Takes one request at a time from somebody's bucket."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._local: dict[str, float] = {}
        self._shared_again_at = 0.0

    async def take(self, who: str, *, per_minute: int) -> Allowance:
        """Count one request, unless it is one too many."""
        interval_s = 60.0 / per_minute
        wait_s, reset_s = await self._taken(who, interval_s, per_minute)
        left = math.floor(per_minute - reset_s / interval_s + 1e-6)
        return Allowance(limit=per_minute, remaining=max(0, left), reset_s=reset_s, wait_s=wait_s)

    async def _taken(self, who: str, interval_s: float, size: int) -> tuple[float, float]:
        if time.monotonic() >= self._shared_again_at:
            try:
                async with asyncio.timeout(REDIS_TIMEOUT_S):
                    wait, reset = await self._redis.eval(_TAKE, 1, _PREFIX + who, str(interval_s), str(size))  # type: ignore[misc]
                return float(wait), float(reset)
            except Exception as error:
                self._shared_again_at = time.monotonic() + REDIS_RETRY_S
                log.warning("allowances_local", error=type(error).__name__)
        return self._taken_here(who, interval_s, size)

    def _taken_here(self, who: str, interval_s: float, size: int) -> tuple[float, float]:
        now_s = time.monotonic()
        if len(self._local) >= MAX_LOCAL:
            self._local = {key: full for key, full in self._local.items() if full > now_s}
        full_s = max(self._local.get(who, 0.0), now_s)
        wait_s = full_s + interval_s - now_s - interval_s * size
        if wait_s > 1e-6:
            return wait_s, full_s - now_s
        self._local[who] = full_s + interval_s
        return 0.0, full_s + interval_s - now_s

"""Rate limits: shared through Redis, and each process on its own while Redis is away."""

import time

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from chat_api.core.errors import RateLimited
from chat_api.core.logging import get_logger

log = get_logger(__name__)

REDIS_RETRY_S = 5.0
# Guessing passwords is slow whatever the general limit is. Source: promises, "Who gets in".
ADMIN_LOGINS = parse("10/minute")


class RateLimits:
    """Counts requests of a principal (else an address) in a sliding minute."""

    def __init__(self, *, redis_url: str | None, requests_per_minute: int) -> None:
        self._per_minute = parse(f"{requests_per_minute}/minute")
        self._local = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._redis = _redis_storage(redis_url) if redis_url else None
        self._shared = SlidingWindowCounterRateLimiter(self._redis) if self._redis else None
        self._shared_again_at = 0.0

    async def hit(self, who: str, *, item: RateLimitItem | None = None, scope: str = "requests") -> None:
        """Count one request. Raises: RateLimited, with the seconds to wait."""
        rate = item or self._per_minute
        limiter = self._shared if time.monotonic() >= self._shared_again_at else None
        if limiter is not None:
            try:
                return await self._check(limiter, rate, scope, who)
            except RateLimited:
                raise
            except Exception as error:
                # Redis is never authoritative: its loss costs sharing, for a few seconds at a time, not service.
                self._shared_again_at = time.monotonic() + REDIS_RETRY_S
                log.warning("rate_limits_local", error=type(error).__name__)
        await self._check(self._local, rate, scope, who)

    async def _check(self, limiter: SlidingWindowCounterRateLimiter, rate: RateLimitItem, scope: str, who: str) -> None:
        if not await limiter.hit(rate, scope, who):
            stats = await limiter.get_window_stats(rate, scope, who)
            raise RateLimited(retry_after_s=max(1.0, stats.reset_time - time.time()))

    async def admin_login(self, address: str) -> None:
        """Count one attempt to sign in as an administrator. Raises: RateLimited."""
        await self.hit(address, item=ADMIN_LOGINS, scope="admin_login")

    async def close(self) -> None:
        """Forget the connections to Redis."""
        if self._redis is not None:
            bridge = self._redis.bridge
            assert isinstance(bridge, RedispyBridge)
            await bridge.get_connection().aclose()  # type: ignore[attr-defined]  # the library types its own protocol


def _redis_storage(redis_url: str) -> RedisStorage:
    uri = redis_url.replace("unix://", "redis+unix://", 1) if redis_url.startswith("unix://") else redis_url
    return RedisStorage(f"async+{uri}", implementation="redispy", socket_timeout=1, socket_connect_timeout=1)

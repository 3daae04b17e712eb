"""Rate limits: shared through Redis, and each process on its own while Redis is away.

A request of a principal costs a round trip to Redis only now and then: a process takes a small share of the limit at
once (a twentieth) and spends it on its own. Of a share that lies unused the rest is lost after some seconds, so with
several processes the limit is at the most a few shares too strict, and never too lax.

Whoever makes many identities has one address: the people of an address are counted together, too, and more generously.
"""

import asyncio
import time
from dataclasses import dataclass

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from chat_api.core.addresses import address_key
from chat_api.core.errors import RateLimited
from chat_api.core.keyed_locks import KeyedLocks
from chat_api.core.logging import get_logger
from chat_api.core.principals import Principal

log = get_logger(__name__)

REDIS_RETRY_S = 5.0
REDIS_TIMEOUT_S = 1.0
SHARES = 20
SHARE_LIVES_S = 10.0
MAX_SHARES_KEPT = 10_000
# How many people's requests one address may make: a family, an office, a class behind one router.
PEOPLE_AT_AN_ADDRESS = 10
# Guessing passwords is slow whatever the general limit is. Source: promises, "Who gets in".
ADMIN_LOGINS = parse("10/minute")
# Tries at one account from places where it has not been lately, all together; from elsewhere it can still be entered.
STRANGE_LOGINS = parse("20/15minutes")
# Each asks every bot of the fleet.
MEMORY_REQUESTS = parse("12/minute")


@dataclass(slots=True)
class _Share:
    """What this process may still spend for a principal, and until when (monotonic seconds)."""

    left: int
    until_s: float


class RateLimits:
    """Counts requests of a principal (else an address) in a sliding minute."""

    def __init__(self, *, redis_url: str | None, requests_per_minute: int) -> None:
        self._per_minute = parse(f"{requests_per_minute}/minute")
        self._shares: dict[str, _Share] = {}
        self._turns = KeyedLocks()
        self._local = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._redis = _redis_storage(redis_url) if redis_url else None
        self._shared = SlidingWindowCounterRateLimiter(self._redis) if self._redis else None
        self._shared_again_at = 0.0

    @property
    def requests_per_minute(self) -> int:
        """How many requests a principal may make."""
        return self._per_minute.amount

    def set_rate(self, requests_per_minute: int) -> None:
        """Allow another number of requests from now on."""
        self._per_minute = parse(f"{requests_per_minute}/minute")
        self._shares.clear()

    async def hit(self, who: str, *, address: str | None = None) -> None:
        """Count one request of a person, and of the address that it came from.

        Raises: RateLimited, with the seconds to wait.
        """
        await self._hit(who)
        if address is None:
            return
        try:
            await self._hit(f"people at {address_key(address)}", times=PEOPLE_AT_AN_ADDRESS)
        except RateLimited:
            self.refund(who)
            raise

    async def hit_principal(self, principal: Principal) -> None:
        """Count one request of a session. Those of an API key were counted when it came in, by its own limit.

        Raises: RateLimited.
        """
        if principal.key is None:
            await self.hit(principal.user_id, address=principal.address)

    def refund_principal(self, principal: Principal) -> None:
        """Give back what :meth:`hit_principal` took."""
        if principal.key is None:
            self.refund(principal.user_id, address=principal.address)

    async def hit_address(self, address: str) -> None:
        """Count one request of somebody who is not signed in. Raises: RateLimited."""
        await self._hit(f"address:{address_key(address)}")

    async def _hit(self, who: str, *, times: int = 1) -> None:
        if self._spend(who):
            return
        async with self._turns.queue(who):  # of many at once, one takes a share for all
            if not self._spend(who):
                taken = await self._take(who, times)
                if len(self._shares) >= MAX_SHARES_KEPT:
                    self._shares.clear()
                self._shares[who] = _Share(left=taken - 1, until_s=time.monotonic() + SHARE_LIVES_S)

    def _spend(self, who: str) -> bool:
        share = self._shares.get(who)
        if share is None or share.left <= 0 or time.monotonic() >= share.until_s:
            return False
        share.left -= 1
        return True

    def refund(self, who: str, *, address: str | None = None) -> None:
        """Give back one request that turned out to cost nothing."""
        for key in (who, *([f"people at {address_key(address)}"] if address is not None else [])):
            share = self._shares.get(key)
            if share is not None:
                share.left += 1

    async def admin_login(self, address: str) -> None:
        """Count one attempt to sign in as an administrator. Raises: RateLimited."""
        await self._count(ADMIN_LOGINS, "admin_login", address_key(address), cost=1)

    async def strange_login(self, account: str) -> None:
        """Count one attempt at an account from where it is not known, whoever makes it. Raises: RateLimited.

        ``account`` is a hash: people type passwords where the name belongs.
        """
        await self._count(STRANGE_LOGINS, "strange_login", account, cost=1)

    async def memory_request(self, who: str) -> None:
        """Count one request that asks all bots what they know of a person, or to forget it. Raises: RateLimited."""
        await self._count(MEMORY_REQUESTS, "memories", who, cost=1)

    async def close(self) -> None:
        """Forget the connections to Redis."""
        if self._redis is not None:
            bridge = self._redis.bridge
            assert isinstance(bridge, RedispyBridge)
            await bridge.get_connection().aclose()  # type: ignore[attr-defined]  # the library types its own protocol

    async def _take(self, who: str, times: int) -> int:
        """How many requests were taken at once: a share, or near the limit a single one."""
        rate = self._per_minute if times == 1 else parse(f"{times * self._per_minute.amount}/minute")
        share_size = max(1, rate.amount // SHARES)
        if share_size > 1:
            try:
                await self._count(rate, "requests", who, cost=share_size)
                return share_size
            except RateLimited:
                pass
        await self._count(rate, "requests", who, cost=1)
        return 1

    async def _count(self, rate: RateLimitItem, scope: str, who: str, *, cost: int) -> None:
        limiter = self._shared if time.monotonic() >= self._shared_again_at else None
        if limiter is not None:
            try:
                # Not the connection's own time limit: with that redis-py loses cancellations on Python 3.11.
                async with asyncio.timeout(REDIS_TIMEOUT_S):
                    return await self._check(limiter, rate, scope, who, cost)
            except RateLimited:
                raise
            except Exception as error:
                # Redis is never authoritative: its loss costs sharing, for a few seconds at a time, not service.
                self._shared_again_at = time.monotonic() + REDIS_RETRY_S
                log.warning("rate_limits_local", error=type(error).__name__)
        await self._check(self._local, rate, scope, who, cost)

    async def _check(
        self, limiter: SlidingWindowCounterRateLimiter, rate: RateLimitItem, scope: str, who: str, cost: int
    ) -> None:
        if not await limiter.hit(rate, scope, who, cost=cost):
            stats = await limiter.get_window_stats(rate, scope, who)
            raise RateLimited(retry_after_s=max(1.0, stats.reset_time - time.time()))


def _redis_storage(redis_url: str) -> RedisStorage:
    uri = redis_url.replace("unix://", "redis+unix://", 1) if redis_url.startswith("unix://") else redis_url
    return RedisStorage(f"async+{uri}", implementation="redispy")

"""Are we well: the dependencies one by one, and whether this process can serve."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import aiohttp
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError, EngineFailed, WritesRefused
from chat_api.core.logging import redact
from chat_api.core.pubsub import PubSub, PubSubState
from chat_api.core.write_check import check_writes
from chat_api.engine.interface import ContainerEngine, NoEngine
from chat_api.fleet.reports import ServiceReport
from chat_api.fleet.schemas import ServiceStatus

CHECK_TIMEOUT_S = 5.0
READY_TIMEOUT_S = 1.5  # whoever asks whether we are ready asks again soon, and does not wait long
DEAF_LIMIT_S = 3.0
# A key of our own, gone soon after nobody looks any more.
WRITE_CHECK_KEY = "whisperengine-web:write-check"
WRITE_CHECK_TTL_S = 60

TITLES = {
    "postgres": "PostgreSQL",
    "redis": "Redis",
    "qdrant": "Qdrant",
    "docker": "Docker",
    "llm": "Language model",
}
# From here on an answer says that the server itself is in trouble; "unauthorised" or "not found" is a living one.
BROKEN_STATUS = 500


class HealthService:
    """Checks the dependencies: each with its own time limit, all at once."""

    def __init__(
        self,
        database: Database,
        redis: Redis,
        engine: ContainerEngine,
        *,
        qdrant_url: str | None,
        llm_url: str | None = None,
        pubsub: PubSub | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._redis = redis
        self._engine = engine
        self._qdrant_url = qdrant_url
        self._llm_url = llm_url
        self._pubsub = pubsub
        self._clock = clock
        self._asking: set[asyncio.Future[object]] = set()
        self._readiness: asyncio.Task[ServiceReport] | None = None
        self.is_draining = False

    async def check_all(self) -> tuple[ServiceReport, ...]:
        """PostgreSQL, Redis, Qdrant, Docker and the language model, in this order."""
        return tuple(await asyncio.gather(*(self.check(name) for name in TITLES)))

    async def check(self, name: str, *, timeout_s: float = CHECK_TIMEOUT_S) -> ServiceReport:
        """One dependency by its key in :data:`TITLES`, within the time limit even if it does not let go."""
        report = partial(ServiceReport, name=name, title=self._engine.title if name == "docker" else TITLES[name])
        if name in self._not_configured():
            return report(status=ServiceStatus.NOT_CONFIGURED, checked_at=self._clock.now())
        asked: dict[str, Callable[[], Awaitable[object]]] = {
            "postgres": self._ask_postgres,
            "redis": self._ask_redis,
            "qdrant": self._ask_qdrant,
            "docker": self._engine.ping,
            "llm": self._ask_llm,
        }
        started_s = self._clock.monotonic_s()
        try:
            await self._within(timeout_s, asked[name])
        except (AppError, RedisError, aiohttp.ClientError, OSError, TimeoutError) as error:
            detail = (error.detail or error.message) if isinstance(error, AppError) else str(error)
            reason = redact(f"{type(error).__name__}: {detail}"[:200])
            return report(
                status=ServiceStatus.UNHEALTHY, checked_at=self._clock.now(), error=reason, fault=_fault(error)
            )
        latency_ms = (self._clock.monotonic_s() - started_s) * 1000
        return report(status=ServiceStatus.HEALTHY, checked_at=self._clock.now(), latency_ms=latency_ms)

    @property
    def realtime(self) -> PubSubState:
        """How wake-ups between processes travel; everything works while they do not, a second or two later."""
        return self._pubsub.state if self._pubsub else PubSubState.AWAY

    async def is_ready(self) -> bool:
        """Whether this process should get traffic: it can store, hears the others, and is not on its way out.

        Redis away for everybody is no reason to refuse; a process that alone does not hear what others do is.
        """
        if self.is_draining or (self._pubsub and self._pubsub.deaf_for_s > DEAF_LIMIT_S):
            return False
        return (await self._storage()).status is ServiceStatus.HEALTHY

    async def _storage(self) -> ServiceReport:
        """How PostgreSQL is; who asks while somebody is asking waits for the same answer."""
        if self._readiness is None or self._readiness.done():
            self._readiness = asyncio.create_task(self.check("postgres", timeout_s=READY_TIMEOUT_S), name="readiness")
        return await asyncio.shield(self._readiness)

    async def _within(self, timeout_s: float, ask: Callable[[], Awaitable[object]]) -> None:
        """Ask, and leave it alone when it is late: giving a hanging connection up takes seconds of its own.

        Raises: TimeoutError, and what the asking raises.
        """
        asking = asyncio.ensure_future(ask())
        self._asking.add(asking)
        asking.add_done_callback(self._asked)
        try:
            done, _ = await asyncio.wait({asking}, timeout=timeout_s)
        finally:
            asking.cancel()
        if not done:
            raise TimeoutError(f"no answer within {timeout_s:g} s")
        await asking

    def _asked(self, asking: "asyncio.Future[object]") -> None:
        self._asking.discard(asking)
        if not asking.cancelled():
            asking.exception()  # nobody may have waited for it

    def _not_configured(self) -> set[str]:
        absent = {
            "qdrant": self._qdrant_url is None,
            "docker": isinstance(self._engine, NoEngine),
            "llm": self._llm_url is None,
        }
        return {name for name, is_absent in absent.items() if is_absent}

    async def _ask_postgres(self) -> None:
        await check_writes(self._database)

    async def _ask_redis(self) -> None:
        """A write, too: a full or read-only Redis answers a ping as if nothing were."""
        await self._redis.set(WRITE_CHECK_KEY, "1", ex=WRITE_CHECK_TTL_S)

    async def _ask_qdrant(self) -> None:
        # One request every few seconds: a session of its own costs less than a pool to look after.
        async with aiohttp.ClientSession() as session, session.get(f"{self._qdrant_url}/readyz") as response:
            response.raise_for_status()

    async def _ask_llm(self) -> None:
        """Whether anybody lives there: any answer below 500, which costs no tokens and needs no key."""
        url = str(self._llm_url)
        async with aiohttp.ClientSession() as session, session.get(url, allow_redirects=False) as response:
            if response.status >= BROKEN_STATUS:
                response.raise_for_status()


def _fault(error: Exception) -> str:
    """What is wrong, after the name of the dependency: one that answers and refuses is not simply down."""
    if isinstance(error, (WritesRefused, ResponseError)):
        return "takes no writes"
    return "refuses requests" if isinstance(error, EngineFailed) else "is down"

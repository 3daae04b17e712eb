"""Are we well: the dependencies one by one, and whether this process can serve."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import text

from chat_api.clients.container_engine import ContainerEngine, NoEngine
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError
from chat_api.core.logging import redact
from chat_api.schemas.fleet import ServiceStatus

CHECK_TIMEOUT_S = 5.0

TITLES = {"postgres": "PostgreSQL", "redis": "Redis", "qdrant": "Qdrant", "docker": "Docker"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCheck:
    """One look at one dependency. ``latency_ms`` is its answer's; ``error`` is for operators."""

    name: str
    title: str
    status: ServiceStatus
    latency_ms: float | None = None
    error: str | None = None


class HealthService:
    """Checks the dependencies: each with its own time limit, all at once."""

    def __init__(
        self,
        database: Database,
        redis: Redis,
        engine: ContainerEngine,
        *,
        qdrant_url: str | None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._redis = redis
        self._engine = engine
        self._qdrant_url = qdrant_url
        self._clock = clock
        self.is_draining = False

    async def check_all(self) -> tuple[ServiceCheck, ...]:
        """PostgreSQL, Redis, Qdrant and Docker, in this order."""
        return tuple(
            await asyncio.gather(
                self.check("postgres"), self.check("redis"), self.check("qdrant"), self.check("docker")
            )
        )

    async def check(self, name: str) -> ServiceCheck:
        """One dependency by its key in :data:`TITLES`."""
        if (name == "qdrant" and self._qdrant_url is None) or (name == "docker" and isinstance(self._engine, NoEngine)):
            return ServiceCheck(name=name, title=TITLES[name], status=ServiceStatus.NOT_CONFIGURED)
        asked: dict[str, Callable[[], Awaitable[object]]] = {
            "postgres": self._ask_postgres,
            "redis": self._ask_redis,
            "qdrant": self._ask_qdrant,
            "docker": self._engine.ping,
        }
        started_s = self._clock.monotonic_s()
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                await asked[name]()
        except (AppError, RedisError, aiohttp.ClientError, OSError, TimeoutError) as error:
            detail = (error.detail or error.message) if isinstance(error, AppError) else str(error)
            reason = redact(f"{type(error).__name__}: {detail}"[:200])
            return ServiceCheck(name=name, title=TITLES[name], status=ServiceStatus.UNHEALTHY, error=reason)
        latency_ms = (self._clock.monotonic_s() - started_s) * 1000
        return ServiceCheck(name=name, title=TITLES[name], status=ServiceStatus.HEALTHY, latency_ms=latency_ms)

    async def is_ready(self) -> bool:
        """Whether this process should get traffic: it can store, and it is not on its way out."""
        if self.is_draining:
            return False
        return (await self.check("postgres")).status is ServiceStatus.HEALTHY

    async def _ask_postgres(self) -> None:
        async with self._database.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def _ask_redis(self) -> None:
        await self._redis.execute_command("PING")

    async def _ask_qdrant(self) -> None:
        # One request every few seconds: a session of its own costs less than a pool to look after.
        async with aiohttp.ClientSession() as session, session.get(f"{self._qdrant_url}/readyz") as response:
            response.raise_for_status()

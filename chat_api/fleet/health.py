"""Are we well: the dependencies one by one, and whether this process can serve."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import aiohttp
from redis.exceptions import NoPermissionError, RedisError, ResponseError

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import AppError, EngineFailed, WritesRefused
from chat_api.core.language import N_
from chat_api.core.logging import redact
from chat_api.core.pubsub import PubSub, PubSubState
from chat_api.fleet.dependencies import DEPENDENCIES, Connections
from chat_api.fleet.reports import ServiceReport
from chat_api.fleet.schemas import ServiceStatus

CHECK_TIMEOUT_S = 5.0
READY_TIMEOUT_S = 1.5  # whoever asks whether we are ready asks again soon, and does not wait long
STALLED_LIMIT_S = 3.0


class HealthService:
    """Checks the dependencies: each with its own time limit, all at once."""

    def __init__(
        self,
        connections: Connections,
        *,
        pubsub: PubSub | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._connections = connections
        self._pubsub = pubsub
        self._clock = clock
        self._asking: set[asyncio.Future[object]] = set()
        self._readiness: asyncio.Task[ServiceReport] | None = None
        self.is_draining = False

    async def check_all(self) -> tuple[ServiceReport, ...]:
        """All dependencies, in their order."""
        return tuple(await asyncio.gather(*map(self.check, DEPENDENCIES)))

    async def check(self, name: str, *, timeout_s: float = CHECK_TIMEOUT_S) -> ServiceReport:
        """One dependency, within the time limit even if it does not let go."""
        dependency, connections = DEPENDENCIES[name], self._connections
        title = connections.engine.title if name == "docker" else dependency.title
        report = partial(ServiceReport, name=name, title=title)
        if dependency.is_absent(connections):
            return report(status=ServiceStatus.NOT_CONFIGURED, checked_at=self._clock.now())
        started_s = self._clock.monotonic_s()
        try:
            await self._within(timeout_s, partial(dependency.check, connections))
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
        if self.is_draining or (self._pubsub and self._pubsub.stalled_for_s > STALLED_LIMIT_S):
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


def _fault(error: Exception) -> str:
    """What is wrong, after the name of the dependency: one that answers and refuses is not simply down."""
    if isinstance(error, NoPermissionError):
        return N_("lacks a permission")
    if isinstance(error, (WritesRefused, ResponseError)):
        return N_("takes no writes")
    return N_("refuses requests") if isinstance(error, EngineFailed) else N_("is down")

"""One process of a deployment does the background work for all: whoever holds the lease.

::

    0 s        3 s        6 s       8 s        10 s
    renewed    renewed?   renewed?  work ends  lease ends: another may take it

A leader that cannot renew stops its work by its own monotonic clock, before the database lets another begin.
"""

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID, uuid4

from chat_api.background import leases_repository as leases
from chat_api.background.supervisor import Supervisor
from chat_api.background.worker_registry import WorkerRegistry, heartbeat
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.core.pubsub import PubSub

log = get_logger(__name__)

LEASE = "leader"
TTL_S = 10.0
RENEW_EVERY_S = 3.0
STOP_BEFORE_S = 2.0
RELEASE_TIMEOUT_S = 2.0
RESIGN_TIMEOUT_S = 4.0
RELEASED = "leader_released"
Work = Mapping[str, Callable[[], Awaitable[None]]]


class Leader:
    """Holds the lease, or waits for it. ``work`` runs only while it is held."""

    def __init__(
        self,
        database: Database,
        pubsub: PubSub,
        work: Work,
        *,
        on_change: Callable[[bool], None] = lambda _: None,
        book: WorkerRegistry | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._book = book
        self.holder: UUID = uuid4()
        self.is_leader = False
        self._database = database
        self._pubsub = pubsub
        self._work = work
        self._on_change = on_change
        self._clock = clock
        self._ends_s = -math.inf
        self._is_resigned = False
        self._wake = asyncio.Event()
        self._is_released = asyncio.Event()
        pubsub.subscribe(RELEASED, lambda _: self._wake.set())

    async def run(self) -> None:
        """Try to lead, and lead, until cancelled."""
        try:
            while not self._is_resigned:
                if await self._acquire(timeout_s=RENEW_EVERY_S):
                    await self._lead()
                await self._pause(RENEW_EVERY_S)
        finally:
            await self._release()
        await asyncio.Event().wait()  # a worker that returns is begun again

    async def resign(self) -> None:
        """Stop leading, for good, and let another begin at once."""
        self._is_resigned = True
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RESIGN_TIMEOUT_S):
                await self._is_released.wait()

    async def _lead(self) -> None:
        """Do the work for as long as the lease is renewed in time."""
        supervisor = Supervisor(self._work, book=self._book)
        supervisor.start()
        self._change(is_leader=True)
        try:
            while not self._is_resigned and (left_s := self._ends_s - STOP_BEFORE_S - self._clock.monotonic_s()) > 0:
                await self._pause(min(RENEW_EVERY_S, left_s))
                left_s = self._ends_s - STOP_BEFORE_S - self._clock.monotonic_s()
                if not self._is_resigned and await self._acquire(timeout_s=min(RENEW_EVERY_S, left_s)) is False:
                    break
        finally:
            self._change(is_leader=False)
            await supervisor.stop()

    async def _acquire(self, *, timeout_s: float) -> bool | None:
        """Take or renew the lease; ``None`` when the database did not say whether we have it."""
        asked_s = self._clock.monotonic_s()
        heartbeat(interval_s=RENEW_EVERY_S)
        try:
            async with asyncio.timeout(timeout_s), self._database.statement() as connection:
                is_held = await leases.acquire(connection, LEASE, holder=self.holder, ttl_s=TTL_S)
        except (AppError, TimeoutError) as error:
            if self.is_leader:
                log.warning("lease_not_renewed", error=type(error).__name__)
            return None
        # From before the question: the database's own end of the lease cannot be earlier.
        self._ends_s = asked_s + TTL_S if is_held else -math.inf
        return is_held

    async def _pause(self, seconds: float) -> None:
        self._wake.clear()
        if self._is_resigned:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    def _change(self, *, is_leader: bool) -> None:
        self.is_leader = is_leader
        log.info("leader_elected" if is_leader else "leader_ended")
        self._on_change(is_leader)

    async def _release(self) -> None:
        """Give the lease back, also one that we may have got without hearing of it."""
        try:
            async with asyncio.timeout(RELEASE_TIMEOUT_S), self._database.statement() as connection:
                await leases.release(connection, LEASE, holder=self.holder)
        except (AppError, TimeoutError) as error:
            log.warning("lease_not_released", error=type(error).__name__)
        self._pubsub.publish(RELEASED, None)
        self._is_released.set()

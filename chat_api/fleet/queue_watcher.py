"""Looks at the queues of the fleet's workers; the leader does, for all, where ``FLEET_REDIS_URL`` is set.

Each is reported as a dependency of the fleet, so that a queue that only grows is on the board, in the banner, an
incident and an alert like everything else. While the fleet's Redis cannot be read nothing is reported: what was known
grows old, and becomes unknown.
"""

import asyncio

from redis.asyncio import Redis

from chat_api.background.worker_registry import heartbeat
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.logging import get_logger
from chat_api.core.store_faults import StoreUnreadable
from chat_api.fleet.queues import FAULT, QUEUES, SERVICE_PREFIX, QueueGrowth, read_queues, view_of
from chat_api.fleet.reports import ServiceReport
from chat_api.fleet.schemas import QueueView, ServiceStatus
from chat_api.fleet.service import FleetService

log = get_logger(__name__)

INTERVAL_S = 10.0


class QueueWatcher:
    """One for a leader; it goes on from what the one before saw."""

    def __init__(
        self, redis: Redis | None, fleet: FleetService, *, check_interval_s: float, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._redis = redis
        self._fleet = fleet
        self._clock = clock
        self._interval_s = min(INTERVAL_S, check_interval_s)
        self._growth = {name: QueueGrowth() for name in QUEUES}
        self._is_unreadable = False

    async def run(self) -> None:
        """Look until cancelled."""
        if self._redis is None:
            self._forget()
            await asyncio.Event().wait()
        self.resume()
        while True:
            await self.turn()
            heartbeat(interval_s=self._interval_s)
            await asyncio.sleep(self._interval_s)

    def resume(self) -> None:
        """Go on from what the leader before saw, as far as that is known here."""
        for service in self._fleet.current().services:
            name = service.name.removeprefix(SERVICE_PREFIX)
            if name in self._growth and service.queue is not None and service.queue.growing_since is not None:
                self._growth[name].resume(service.queue.growing_since, service.queue.waiting)

    async def turn(self) -> None:
        """Look once."""
        assert self._redis is not None
        now = self._clock.now()
        try:
            readings = await read_queues(self._redis, now)
        except StoreUnreadable as error:
            if not self._is_unreadable:
                log.warning("queues_unreadable", fault=error.fault, detail=error.detail)
            self._is_unreadable = True
            return
        self._is_unreadable = False
        for name, reading in readings.items():
            growth = self._growth[name]
            is_growing = growth.record(reading.waiting, now)
            queue = view_of(reading, growth.since)
            self._fleet.record_service(
                ServiceReport(
                    name=SERVICE_PREFIX + name,
                    title=QUEUES[name],
                    status=ServiceStatus.UNHEALTHY if is_growing else ServiceStatus.HEALTHY,
                    checked_at=now,
                    error=_words(queue) if is_growing else None,
                    fault=FAULT,
                    queue=queue,
                )
            )

    def _forget(self) -> None:
        """Say of queues that were watched before the setting was taken away that nobody watches them."""
        for service in self._fleet.current().services:
            if service.name.removeprefix(SERVICE_PREFIX) in self._growth:
                self._fleet.record_service(
                    ServiceReport(
                        name=service.name,
                        title=service.title,
                        status=ServiceStatus.NOT_CONFIGURED,
                        checked_at=self._clock.now(),
                    )
                )


def _words(queue: QueueView) -> str:
    oldest = f", the oldest for {queue.oldest_job_s / 60:.0f} min" if queue.oldest_job_s is not None else ""
    return f"{queue.waiting} jobs are waiting{oldest}"

"""Looks at PostgreSQL for this process alone while no leader does: without writes nobody can lead.

Whoever leads looks at every dependency, and the others hear of it. What this finds is shown here, and told nobody.
"""

import asyncio
from datetime import timedelta

from chat_api.background.worker_registry import heartbeat
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.fleet.health import HealthService
from chat_api.fleet.schemas import ServiceStatus, ServiceView
from chat_api.fleet.service import FleetService

TICK_S = 2.0
# The leader looks every ten seconds at the most, and more often while something is wrong.
LEADERS_S = 10.0
RECHECK_S = 3.0


class StorageWatcher:
    """One for each process."""

    def __init__(
        self, fleet: FleetService, health: HealthService, *, check_interval_s: float, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._fleet = fleet
        self._health = health
        self._clock = clock
        self._wait_s = min(LEADERS_S, check_interval_s)
        self._tick_s = min(TICK_S, check_interval_s)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.turn()
            heartbeat(interval_s=self._tick_s)
            await asyncio.sleep(self._tick_s)

    async def turn(self) -> None:
        """Look, if nobody has for longer than a leader would let pass."""
        known = next((service for service in self._fleet.current().services if service.name == "postgres"), None)
        if not self._is_due(known):
            return
        report = await self._health.check("postgres")
        is_ill = report.status is ServiceStatus.UNHEALTHY
        is_over = known is not None and known.status is ServiceStatus.UNHEALTHY
        if not is_ill and not is_over:
            return  # that it is well is the leader's to say, with all the rest
        with self._fleet.relaying():
            self._fleet.record_service(report)

    def _is_due(self, known: ServiceView | None) -> bool:
        if known is None or known.last_checked_at is None:
            return True
        is_ill = known.status is not ServiceStatus.HEALTHY
        wait_s = min(RECHECK_S, self._wait_s) if is_ill else self._wait_s
        return self._clock.now() - known.last_checked_at > timedelta(seconds=1.5 * wait_s)

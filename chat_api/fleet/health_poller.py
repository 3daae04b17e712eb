"""The one background poller: every bot and every dependency, on their intervals, whoever is watching."""

import asyncio
import random
from datetime import timedelta
from functools import partial

from chat_api.background.worker_registry import heartbeat
from chat_api.bots.connector import BotConnector
from chat_api.bots.schemas import BotSpec
from chat_api.core.clock import SYSTEM_CLOCK, Clock, PauseWatch
from chat_api.core.database import Database
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.engine.schemas import ContainerView
from chat_api.fleet import checks_repository as checks
from chat_api.fleet import reports_repository as fleet_reports
from chat_api.fleet.health import HealthService
from chat_api.fleet.probes import BotProbes
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.reports import InfoReport
from chat_api.fleet.schemas import HEALTHY_STATUSES, Heartbeat, ServiceStatus
from chat_api.fleet.service import FleetService
from chat_api.fleet.views import HEARTBEATS

log = get_logger(__name__)

KEEP_CHECKS = timedelta(hours=24)
JITTER = 0.1
# A bot that is not well is looked at more often: its return should not wait for a whole interval.
RECHECK_S = 5.0
SERVICE_INTERVAL_S = 10.0
# What a bot says of itself is asked for when it is first seen, when it has come back, and now and then.
INFO_EVERY_S = 600.0
# v2 claims how long its queues are, which says something when it is followed: with every health check, as a rule.
CLAIMS_EVERY_S = 30.0
# One failed check of a dependency is soon confirmed, or found to have been nothing.
SERVICE_RECHECK_S = 3.0
TICK_S = 0.25
STORE_EVERY_S = 2.0
PRUNE_EVERY_S = 600.0


class HealthPoller:
    """Looks at each bot every ``interval_s`` (with jitter), at the dependencies every ten seconds at the most."""

    def __init__(
        self,
        registry: BotRegistry,
        connector: BotConnector,
        fleet: FleetService,
        health: HealthService,
        database: Database,
        *,
        interval_s: float,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._registry = registry
        self._probes = BotProbes(registry, connector, fleet.identities, clock=clock)
        self._fleet = fleet
        self._health = health
        self._database = database
        self._interval_s = interval_s
        self._clock = clock
        self._due_s: dict[str, float] = {}
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._info_due_s: dict[str, float] = {}
        self._probing: dict[str, asyncio.Task[None]] = {}
        self._unsaved: list[tuple[str, Heartbeat]] = []

    def set_interval(self, seconds: float) -> None:
        """Look at bots so often from now on."""
        self._interval_s = seconds
        self._due_s.update(dict.fromkeys(self._due_s, 0.0))

    def nudge(self, bot_name: str) -> None:
        """Look at a bot now, e.g. because its container changed."""
        self._due_s[bot_name] = 0.0

    async def record_containers(self, containers: tuple[ContainerView, ...]) -> None:
        """Take over what the container watcher saw, and look at once at the bots that changed."""
        for bot_name in self._fleet.record_containers(containers):
            self._info_due_s.pop(bot_name, None)
            self._probes.search_now(bot_name)
            self.nudge(bot_name)

    async def run(self) -> None:
        """Poll until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._poll_bots())
            tasks.create_task(self._poll_services())
            tasks.create_task(self._keep_books())

    async def _poll_bots(self) -> None:
        pause = PauseWatch(self._clock)
        try:
            while True:
                if pause.noticed():
                    log.warning("clock_jumped")
                    self._fleet.begin_anew()
                    self._due_s.update(dict.fromkeys(self._due_s, 0.0))
                now_s = self._clock.monotonic_s()
                for spec in self._registry.all():
                    if self._addresses.get(spec.name) != spec.addresses:
                        self._addresses[spec.name] = spec.addresses
                        self._probes.search_now(spec.name)
                        self.nudge(spec.name)
                    if self._due_s.get(spec.name, 0.0) <= now_s and spec.name not in self._probing:
                        task = asyncio.create_task(self._probe(spec), name=f"probe-{spec.name}")
                        self._probing[spec.name] = task
                        task.add_done_callback(partial(self._probed, spec.name))
                heartbeat(interval_s=TICK_S)
                await asyncio.sleep(min(TICK_S, self._interval_s / 4))
        finally:
            for task in list(self._probing.values()):
                task.cancel()

    async def _probe(self, spec: BotSpec) -> None:
        self._due_s[spec.name] = float("inf")
        is_healthy = False
        try:
            now_s = self._clock.monotonic_s()
            seen = await self._probes.observe(spec, asks_who=self._info_due_s.get(spec.name, 0.0) <= now_s)
            if seen.info is not None:  # first, for whose health it is that is recorded next
                self._fleet.record_info(InfoReport(reported_at=self._clock.now(), info=seen.info))
            probe = seen.probe
            heartbeat = self._fleet.record_probe(probe)
            if heartbeat is not None:
                is_healthy = heartbeat.status in HEALTHY_STATUSES
                self._unsaved.append((spec.name, heartbeat))
            if not probe.is_healthy:
                self._info_due_s.pop(spec.name, None)
            elif self._info_due_s.get(spec.name, 0.0) <= now_s:
                every_s = CLAIMS_EVERY_S if probe.contract == "v2" else INFO_EVERY_S
                self._info_due_s[spec.name] = now_s + every_s * (1 + random.uniform(-JITTER, JITTER))
        finally:
            if self._due_s[spec.name] > 0:  # A nudge meanwhile asks for another look at once.
                wait_s = self._interval_s if is_healthy else min(self._interval_s, RECHECK_S)
                # Never later than the interval: what is seen by it is said within it.
                self._due_s[spec.name] = self._clock.monotonic_s() + wait_s * (1 - random.uniform(0, 2 * JITTER))

    def _probed(self, bot_name: str, task: asyncio.Task[None]) -> None:
        self._probing.pop(bot_name, None)
        if not task.cancelled() and task.exception() is not None:
            log.error("probe_failed", bot_name=bot_name, exc_info=task.exception())

    async def _poll_services(self) -> None:
        while True:
            checked = await self._health.check_all()
            for check in checked:
                self._fleet.record_service(check)
            is_healthy = all(check.status is not ServiceStatus.UNHEALTHY for check in checked)
            await asyncio.sleep(min(SERVICE_INTERVAL_S if is_healthy else SERVICE_RECHECK_S, self._interval_s))

    async def _keep_books(self) -> None:
        prune_at_s = 0.0
        store_at_s = 0.0
        while True:
            now_s = self._clock.monotonic_s()
            try:
                if self._unsaved and now_s >= store_at_s:
                    store_at_s = now_s + STORE_EVERY_S
                    await self._store()
                if now_s >= prune_at_s:
                    prune_at_s = now_s + PRUNE_EVERY_S
                    async with self._database.write() as connection:
                        await checks.prune(connection, before=self._clock.now() - KEEP_CHECKS)
                        await fleet_reports.prune(connection, older_than_s=KEEP_CHECKS.total_seconds())
            except AppError as error:
                # Monitoring goes on while its own history cannot be written; the bars in memory have it.
                log.warning("checks_not_stored", detail=error.detail, count=len(self._unsaved))
                del self._unsaved[: -HEARTBEATS * 100]
            await asyncio.sleep(1.0)

    async def _store(self) -> None:
        batch = self._unsaved[:1000]
        async with self._database.write() as connection:
            await checks.add(connection, batch)
        del self._unsaved[: len(batch)]

    async def restore(self) -> None:
        """Fill the heartbeat bars with what was seen before this process began."""
        try:
            async with self._database.read() as connection:
                names = [spec.name for spec in self._registry.all()]
                found = await checks.newest(connection, names, limit=HEARTBEATS)
        except AppError as error:
            log.warning("checks_not_restored", detail=error.detail)
            return
        for name, heartbeats in found.items():
            self._fleet.restore_heartbeats(name, heartbeats)

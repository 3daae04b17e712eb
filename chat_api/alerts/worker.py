"""The leader's alert tasks: evaluate every few seconds, send due messages, and ping an outside service."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import aiohttp

from chat_api.alerts.delivery import AlertDelivery
from chat_api.alerts.schemas import MetricsSnapshot
from chat_api.alerts.service import AlertsService
from chat_api.background.supervisor import every
from chat_api.core.blocking import BlockingCalls
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError
from chat_api.core.histogram import merge, quantile
from chat_api.core.logging import get_logger
from chat_api.core.metrics import Metrics
from chat_api.fleet.reports import AlertsReport
from chat_api.fleet.schemas import FleetView
from chat_api.fleet.service import FleetService
from chat_api.series import repository as series

log = get_logger(__name__)

EVALUATE_EVERY_S = 2.0
SEND_EVERY_S = 0.5
PRUNE_EVERY_S = 3600.0
DISK_TIMEOUT_S = 5.0
PING_TIMEOUT_S = 10.0
# Dependencies are looked at every ten seconds at the most, each with a limit of five.
POLLER_SILENCE = timedelta(seconds=30)


class AlertEvaluator:
    """Evaluates and sends until cancelled."""

    def __init__(
        self,
        fleet: FleetService,
        alerts: AlertsService,
        delivery: AlertDelivery,
        database: Database,
        metrics: Metrics,
        *,
        state_dir: Path,
        warm_up_s: float,
        deadman_url: str | None = None,
        deadman_interval_s: float = 60.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._fleet = fleet
        self._alerts = alerts
        self._delivery = delivery
        self._database = database
        self._metrics = metrics
        self._state_dir = state_dir
        self._warm_up = timedelta(seconds=warm_up_s)
        self._deadman_url = deadman_url
        self._deadman_interval_s = deadman_interval_s
        self._clock = clock
        self._disk = BlockingCalls(limit=1, name="disk")

    async def run(self) -> None:
        """Run all tasks until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(every(EVALUATE_EVERY_S, self.evaluate))
            tasks.create_task(every(SEND_EVERY_S, self.send))
            tasks.create_task(every(PRUNE_EVERY_S, partial(self._survive, self._alerts.prune)))
            if self._deadman_url is not None:
                tasks.create_task(every(self._deadman_interval_s, self._keep_telling))

    async def evaluate(self) -> None:
        """Evaluate once; after a start, only once all bots have been checked."""
        view = self._fleet.current()
        if not self._is_warmed_up(view):
            return
        try:
            snapshot = MetricsSnapshot(disk_free=await self._disk_free(), loop_lag_ms=await self._lag_ms())
            firing = await self._alerts.evaluate(view, snapshot)
        except AppError as error:
            log.warning("alerts_not_evaluated", code=error.code, detail=error.detail)
        else:
            self._metrics.record_alerts(alert.severity.value for alert in firing)
            if self._alerts.troubles != self._fleet.current().alerts:
                self._fleet.record_alerts(AlertsReport(reported_at=self._clock.now(), alerts=self._alerts.troubles))

    async def send(self) -> None:
        """Send what is due."""
        try:
            while await self._delivery.deliver_due():
                pass
        except AppError as error:
            log.warning("alerts_not_sent", code=error.code, detail=error.detail)

    async def ping(self) -> bool:
        """Ping the outside service if we are healthy: the poller runs and the database answers.

        Returns: whether the ping succeeded. The address is a secret, so it is never logged.
        """
        if self._deadman_url is None or not self._is_polling(self._fleet.current()):
            return False
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                await self._database.fetch("SELECT 1")
            timeout = aiohttp.ClientTimeout(total=PING_TIMEOUT_S)
            async with aiohttp.ClientSession(timeout=timeout) as session, session.get(self._deadman_url) as answer:
                is_delivered = answer.status < 400
        except (AppError, aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            log.warning("deadman_ping_failed", error=type(error).__name__)
            return False
        if not is_delivered:
            log.warning("deadman_ping_failed", error="refused")
        return is_delivered

    async def _keep_telling(self) -> None:
        await self.ping()

    def _is_warmed_up(self, view: FleetView) -> bool:
        if self._clock.now() - view.started_at >= self._warm_up:
            return True
        looked_at = (bot.last_checked_at for bot in view.bots)
        return bool(view.services) and all(at is not None and at >= view.started_at for at in looked_at)

    def _is_polling(self, view: FleetView) -> bool:
        checked = [service.last_checked_at for service in view.services if service.last_checked_at is not None]
        return bool(checked) and self._clock.now() - max(checked) < POLLER_SILENCE

    async def _survive(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except AppError as error:
            log.warning("old_alerts_kept", code=error.code)

    async def _disk_free(self) -> float | None:
        try:
            usage = await self._disk.run(partial(shutil.disk_usage, self._state_dir), timeout_s=DISK_TIMEOUT_S)
        except (OSError, TimeoutError):
            return None
        return usage.free / usage.total if usage.total else None

    async def _lag_ms(self) -> float | None:
        """The 99th percentile of the last one to two minutes, over every process. Raises: DatabaseUnavailable."""
        minute = self._clock.now().replace(second=0, microsecond=0)
        async with self._database.read() as connection:
            rows = await series.read(connection, "loop_lag", span_s=60, since=minute - timedelta(minutes=1))
        lags: dict[int, int] = {}
        for _, tally in rows:
            merge(lags, tally.buckets)
        return quantile(lags, 0.99)

"""Metrics that are read rather than counted."""

import asyncio
import contextlib

from chat_api.background.worker_registry import WorkerRegistry, heartbeat
from chat_api.core.database import Database
from chat_api.core.metrics import Metrics
from chat_api.fleet.queues import queue_of
from chat_api.fleet.schemas import BotStatus, BotView, FleetView, ServiceStatus, ServiceView
from chat_api.fleet.service import FleetService
from chat_api.messages.answers import AnswersService
from chat_api.settings.feature_flags import FeatureFlags

INTERVAL_S = 1.0
BREAKER_VALUES = {"closed": 0, "half_open": 1, "open": 2}


async def keep_gauges(
    metrics: Metrics,
    database: Database,
    answers: AnswersService,
    fleet: FleetService,
    book: WorkerRegistry,
    feature_flags: FeatureFlags,
) -> None:
    """Set them every second until cancelled; a bot's own the moment it changes."""
    with fleet.changes.listening(_FleetGauges(metrics, fleet.current()).take):
        while True:
            metrics.running_messages.set(answers.running_count)
            metrics.maintenance.set(feature_flags.maintenance is not None)
            _set_pool(metrics, database)
            _set_workers(metrics, book)
            heartbeat(interval_s=INTERVAL_S)
            await asyncio.sleep(INTERVAL_S)


class _FleetGauges:
    """What the fleet view says, as numbers."""

    def __init__(self, metrics: Metrics, view: FleetView) -> None:
        self._metrics = metrics
        self._known: set[str] = set()
        self._running: set[str] = set()
        self._services: set[str] = set()
        self.take(view)

    def take(self, view: FleetView) -> None:
        """The fleet has changed."""
        metrics = self._metrics
        for bot in view.bots:
            self._bot(bot)
        for status in BotStatus:
            metrics.bots.labels(status).set(sum(bot.shown is status for bot in view.bots))
        names = {bot.name for bot in view.bots}
        for name in self._known - names:
            metrics.remove_bot(name)
        self._known = names
        services = {service.name for service in view.services}
        for name in self._services - services:
            self._remove_service(name)
        self._services = services
        for service in view.services:
            self._service(service, sum(bot.cause == service.name for bot in view.bots))

    def _bot(self, bot: BotView) -> None:
        metrics = self._metrics
        metrics.bot_up.labels(bot.name).set(bot.shown is BotStatus.ONLINE)
        metrics.bot_excused.labels(bot.name).set(bot.shown is BotStatus.MAINTENANCE or bot.cause is not None)
        metrics.bot_breaker.labels(bot.name).set(BREAKER_VALUES[bot.breaker])
        metrics.bot_in_flight.labels(bot.name).set(bot.calls_in_flight)
        metrics.bot_waiting.labels(bot.name).set(bot.calls_waiting)
        if bot.synthetic_check is not None:
            for gauge in (metrics.synthetic_check_up, metrics.canary_up):
                gauge.labels(bot.name).set(not bot.synthetic_check.is_failing)
        if bot.restart is not None and bot.restart.is_running:
            self._running.add(bot.name)
        elif bot.restart is not None and bot.name in self._running:
            self._running.discard(bot.name)
            metrics.bot_restarts.labels(bot.restart.state).inc()

    def _service(self, service: ServiceView, affected: int) -> None:
        metrics = self._metrics
        if service.status is ServiceStatus.NOT_CONFIGURED:
            self._remove_service(service.name)
            return
        if (queue := queue_of(service.name)) is not None:
            self._queue(queue, service)
        metrics.service_up.labels(service.name).set(service.status is ServiceStatus.HEALTHY)
        metrics.cause_bots.labels(service.name).set(affected)
        if service.latency_ms is not None:
            metrics.service_seconds.labels(service.name).set(service.latency_ms / 1000)
        else:
            with contextlib.suppress(KeyError):  # an old time would look like a good one
                metrics.service_seconds.remove(service.name)

    def _remove_service(self, name: str) -> None:
        metrics = self._metrics
        for gauge in (metrics.service_up, metrics.cause_bots, metrics.service_seconds):
            with contextlib.suppress(KeyError):  # it was never measured
                gauge.remove(name)

    def _queue(self, name: str, service: ServiceView) -> None:
        """What is not known of a queue any more is not told."""
        metrics, queue = self._metrics, service.queue
        if queue is None or service.status is ServiceStatus.UNKNOWN:
            for gauge in (metrics.queue_depth, metrics.queue_oldest_seconds):
                with contextlib.suppress(KeyError):
                    gauge.remove(name)
            return
        metrics.queue_depth.labels(name).set(queue.depth)
        metrics.queue_oldest_seconds.labels(name).set(queue.oldest_job_s or 0)


def _set_pool(metrics: Metrics, database: Database) -> None:
    pool = database.pool()
    metrics.pool_connections.labels("used").set(pool.used)
    metrics.pool_connections.labels("idle").set(pool.idle)


def _set_workers(metrics: Metrics, book: WorkerRegistry) -> None:
    now_s = book.clock.monotonic_s()
    for line in book.lines():
        metrics.worker_failures.labels(line.name).set(line.failures)
        metrics.worker_late.labels(line.name).set(line.is_late(now_s))
        if line.interval_s is not None and line.is_running:
            metrics.worker_age.labels(line.name).set(now_s - line.heartbeat_s)
        else:
            with contextlib.suppress(KeyError):
                metrics.worker_age.remove(line.name)

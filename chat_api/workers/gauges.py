"""Metrics that are read rather than counted."""

import asyncio

from sqlalchemy.pool import QueuePool

from chat_api.core.database import Database
from chat_api.core.metrics import Metrics
from chat_api.schemas.fleet import BotStatus, FleetView
from chat_api.services.answers import AnswersService
from chat_api.services.fleet import FleetService

INTERVAL_S = 1.0
BREAKER_VALUES = {"closed": 0, "half_open": 1, "open": 2}


async def keep_gauges(metrics: Metrics, database: Database, answers: AnswersService, fleet: FleetService) -> None:
    """Set them every second until cancelled; a bot's own the moment it changes."""

    known: set[str] = set()

    def bots_changed(view: FleetView) -> None:
        for bot in view.bots:
            metrics.bot_up.labels(bot.name).set(bot.status is BotStatus.ONLINE)
            metrics.bot_breaker.labels(bot.name).set(BREAKER_VALUES[bot.breaker])
            metrics.bot_in_flight.labels(bot.name).set(bot.calls_in_flight)
            metrics.bot_waiting.labels(bot.name).set(bot.calls_waiting)
        names = {bot.name for bot in view.bots}
        for name in known - names:
            metrics.forget_bot(name)
        known.clear()
        known.update(names)

    with fleet.changes.listening(bots_changed):
        while True:
            metrics.running_messages.set(answers.running_count)
            pool = database.engine.pool
            if isinstance(pool, QueuePool):
                metrics.pool_connections.labels("used").set(pool.checkedout())
                metrics.pool_connections.labels("idle").set(pool.checkedin())
            await asyncio.sleep(INTERVAL_S)

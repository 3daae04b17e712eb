"""The leader's part in the series: how bots answer now, the Fleet page's figures, and forgetting what is too old."""

import asyncio
import math
from collections.abc import Mapping
from datetime import timedelta

from chat_api.background.supervisor import every
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.fleet.schemas import RecentAnswers
from chat_api.fleet.service import FleetService
from chat_api.series import repository as series
from chat_api.series import status_intervals_repository as status_intervals
from chat_api.series.recent_answers import RecentAnswersService
from chat_api.series.recent_statistics import RecentStatisticsService
from chat_api.series.schemas import Span

log = get_logger(__name__)

FLUSH_S = 5.0
STATISTICS_S = 15.0
# How bots answer now; said again when nothing has changed, for who has not heard it.
ANSWERS_S = 3.0
REPEAT_S = 15.0
PRUNE_EVERY_S = 600.0
# One step longer than the windows that are made of them, so that a window's oldest point is whole.
KEEP = {
    Span.MOMENT: timedelta(minutes=15),
    Span.MINUTE: timedelta(hours=25),
    Span.HOUR: timedelta(days=31),
    Span.DAY: timedelta(days=400),
}
KEEP_INTERVALS = timedelta(days=400)


class Rollups:
    """Works on what all processes stored."""

    def __init__(
        self,
        statistics: RecentStatisticsService,
        answers: RecentAnswersService,
        fleet: FleetService,
        database: Database,
        *,
        check_interval_s: float = ANSWERS_S,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._answers = answers
        self._answers_s = min(ANSWERS_S, check_interval_s / 2)
        self._statistics = statistics
        self._fleet = fleet
        self._database = database
        self._clock = clock
        self._prune_at_s = 0.0
        self._published: Mapping[str, RecentAnswers] = {}
        self._published_s = -math.inf

    async def run(self) -> None:
        """Compute and forget until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(every(STATISTICS_S, self.turn))
            tasks.create_task(every(self._answers_s, self.judge))

    async def judge(self) -> None:
        """See how bots answer now, and tell what changed; while PostgreSQL is away the last judgement grows old."""
        try:
            report = await self._answers.compute()
        except AppError as error:
            log.debug("answers_not_evaluated", detail=error.detail)
            return
        now_s = self._clock.monotonic_s()
        if report.bots != self._published or now_s - self._published_s >= REPEAT_S:
            self._published, self._published_s = report.bots, now_s
            self._fleet.record_answers(report)

    async def turn(self) -> None:
        """Compute, and forget when it is time to; while PostgreSQL is away the last figures stand."""
        try:
            self._fleet.record_statistics(await self._statistics.compute())
            if self._clock.monotonic_s() >= self._prune_at_s:
                await self.prune()
                self._prune_at_s = self._clock.monotonic_s() + PRUNE_EVERY_S
        except AppError as error:
            log.debug("statistics_not_computed", detail=error.detail)

    async def prune(self) -> None:
        """Drop rows that are older than they are kept. Raises: DatabaseUnavailable."""
        now = self._clock.now()
        async with self._database.statement() as connection:
            await series.prune(connection, {span: now - age for span, age in KEEP.items()})
            await status_intervals.prune(connection, before=now - KEEP_INTERVALS)

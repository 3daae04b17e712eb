"""The leader's part in the series: the Fleet page's figures, and forgetting what is too old to keep."""

import asyncio
from datetime import timedelta

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.repositories import series, status_intervals
from chat_api.schemas.series import Span
from chat_api.services.figures import FiguresService
from chat_api.services.fleet import FleetService

log = get_logger(__name__)

FLUSH_S = 5.0
FIGURES_S = 15.0
FORGET_S = 600.0
# One step longer than the windows that are made of them, so that a window's oldest point is whole.
KEEP = {Span.MINUTE: timedelta(hours=25), Span.HOUR: timedelta(days=31), Span.DAY: timedelta(days=400)}
KEEP_INTERVALS = timedelta(days=400)


class Rollups:
    """Works on what all processes stored."""

    def __init__(
        self, figures: FiguresService, fleet: FleetService, database: Database, *, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._figures = figures
        self._fleet = fleet
        self._database = database
        self._clock = clock
        self._forget_at_s = 0.0

    async def run(self) -> None:
        """Compute and forget until cancelled."""
        while True:
            await self.turn()
            await asyncio.sleep(FIGURES_S)

    async def turn(self) -> None:
        """Compute, and forget when it is time to; while PostgreSQL is away the last figures stand."""
        try:
            self._fleet.record_figures(await self._figures.compute())
            if self._clock.monotonic_s() >= self._forget_at_s:
                await self.forget()
                self._forget_at_s = self._clock.monotonic_s() + FORGET_S
        except AppError as error:
            log.debug("figures_not_computed", detail=error.detail)

    async def forget(self) -> None:
        """Drop rows that are older than they are kept. Raises: DatabaseUnavailable."""
        now = self._clock.now()
        async with self._database.statement() as connection:
            await series.forget(connection, {span: now - age for span, age in KEEP.items()})
            await status_intervals.forget(connection, before=now - KEEP_INTERVALS)

"""Sends synthetic checks when they are due; one process does, for all."""

import asyncio
from functools import partial

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.fleet.check_intervals import CheckIntervals
from chat_api.fleet.schemas import SyntheticCheckView
from chat_api.fleet.service import FleetService
from chat_api.fleet.synthetic_checks import SyntheticChecksService
from chat_api.fleet.synthetic_checks_schedule import Schedule

log = get_logger(__name__)

TICK_S = 1.0
MAX_AT_ONCE = 8


class SyntheticChecksWorker:
    """Asks each bot when its time has come; with an interval of 0 it asks none."""

    def __init__(
        self,
        checks: SyntheticChecksService,
        fleet: FleetService,
        intervals: CheckIntervals,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._checks = checks
        self._interval_s = intervals.shortest_s
        self._schedule = Schedule(fleet, intervals, clock=clock)
        self._asking: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Ask until cancelled."""
        if self._interval_s == 0:
            await asyncio.Event().wait()
        try:
            while True:
                for name in self.due():
                    task = asyncio.create_task(self._ask(name), name=f"synthetic-check-{name}")
                    self._asking[name] = task
                    task.add_done_callback(partial(self._asked, name))
                await asyncio.sleep(min(TICK_S, self._interval_s / 4))
        finally:
            for task in list(self._asking.values()):
                task.cancel()

    def due(self) -> list[str]:
        """The bots that are to be asked now, as many as may be asked at once."""
        due = [name for name in self._schedule.due() if name not in self._asking]
        return due[: MAX_AT_ONCE - len(self._asking)]

    async def _ask(self, bot_name: str) -> None:
        seen: SyntheticCheckView | None = None
        self._schedule.asked(bot_name)
        try:
            seen = await self._checks.ask(bot_name)
        except AppError as error:
            log.debug("synthetic_check_not_sent", bot_name=bot_name, code=error.code)
        finally:
            self._schedule.ended(bot_name, seen)

    def _asked(self, bot_name: str, task: asyncio.Task[None]) -> None:
        self._asking.pop(bot_name, None)
        if not task.cancelled() and task.exception() is not None:
            log.error("synthetic_check_failed", bot_name=bot_name, exc_info=task.exception())

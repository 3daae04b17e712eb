"""Asks every bot its canary question again and again; one process does, for all."""

import asyncio
import random
from functools import partial

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.fleet.schemas import BotStatus, BotView, Fault, SyntheticCheckView
from chat_api.fleet.service import FleetService
from chat_api.fleet.synthetic_checks import SyntheticChecksService

log = get_logger(__name__)

TICK_S = 1.0
JITTER = 0.1
# A bot that did not answer is asked again soon: its return should not wait for a whole interval.
RETRY_S = 30.0
# The first questions after a start are spread over this time, and come after the first health checks.
FIRST_S = (15.0, 60.0)
# A bot that has just come back.
SOON_S = 2.0
MAX_AT_ONCE = 8
# The other bots, when one shows that its language model does not answer.
OTHERS_WITHIN_S = 10.0
# Asking any other could only tell what is known: nobody is there, or somebody is at work on it.
ASKED = frozenset({BotStatus.ONLINE, BotStatus.DEGRADED})


class SyntheticChecksWorker:
    """Asks each bot every ``interval_s``, give or take a tenth; with 0 it asks none."""

    def __init__(
        self, canary: SyntheticChecksService, fleet: FleetService, *, interval_s: float, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._check = canary
        self._fleet = fleet
        self._interval_s = interval_s
        self._clock = clock
        self._due_s: dict[str, float] = {}
        self._away: set[str] = set()
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._is_model_doubted = False

    async def run(self) -> None:
        """Ask until cancelled."""
        if self._interval_s == 0:
            await asyncio.Event().wait()
        try:
            while True:
                for name in self.due():
                    task = asyncio.create_task(self._ask(name), name=f"canary-{name}")
                    self._asking[name] = task
                    task.add_done_callback(partial(self._asked, name))
                await asyncio.sleep(min(TICK_S, self._interval_s / 4))
        finally:
            for task in list(self._asking.values()):
                task.cancel()

    def due(self) -> list[str]:
        """The bots that are to be asked now, the longest overdue first, as many as may be asked at once."""
        now_s = self._clock.monotonic_s()
        found = []
        for bot in self._fleet.current().bots:
            if bot.last_checked_at is None:
                continue  # nobody has looked yet
            if not self._is_asked(bot):
                self._away.add(bot.name)
                continue
            if bot.name in self._away:
                self._away.discard(bot.name)
                self._due_s[bot.name] = now_s + random.uniform(0, min(SOON_S, self._interval_s))
            first_s = random.uniform(*FIRST_S) if self._interval_s > FIRST_S[1] else self._interval_s
            due_s = self._due_s.setdefault(bot.name, now_s + first_s)
            if due_s <= now_s and bot.name not in self._asking:
                found.append((due_s, bot.name))
        return [name for _, name in sorted(found)][: MAX_AT_ONCE - len(self._asking)]

    def _is_asked(self, bot: BotView) -> bool:
        if bot.policy is not None and not bot.policy.is_synthetic_check_on:
            self._fleet.drop_synthetic_check(bot.name)
            return False
        return bot.status in ASKED

    async def _ask(self, bot_name: str) -> None:
        seen: SyntheticCheckView | None = None
        try:
            seen = await self._check.ask(bot_name)
        except AppError as error:
            log.debug("canary_not_sent", bot_name=bot_name, code=error.code)
        finally:
            if seen is None or not seen.is_answered:
                wait_s = min(RETRY_S, self._interval_s)
            else:
                wait_s = min(SOON_S, self._interval_s) if seen.answers_until_trusted else self._interval_s
            self._due_s[bot_name] = self._clock.monotonic_s() + wait_s * (1 + random.uniform(-JITTER, JITTER))
        self._ask_others(seen)

    def _ask_others(self, seen: SyntheticCheckView | None) -> None:
        """One bot's language model is likely to be everybody's: whether it is should not take a whole interval."""
        if seen is None or seen.fault is not Fault.LANGUAGE_MODEL:
            self._is_model_doubted = self._is_model_doubted and any(
                bot.has(Fault.LANGUAGE_MODEL) for bot in self._fleet.current().bots
            )
        elif not self._is_model_doubted:
            self._is_model_doubted = True
            now_s = self._clock.monotonic_s()
            for name, due_s in self._due_s.items():
                if name != seen.bot_name:
                    self._due_s[name] = min(due_s, now_s + random.uniform(0, OTHERS_WITHIN_S))

    def _asked(self, bot_name: str, task: asyncio.Task[None]) -> None:
        self._asking.pop(bot_name, None)
        if not task.cancelled() and task.exception() is not None:
            log.error("canary_failed", bot_name=bot_name, exc_info=task.exception())

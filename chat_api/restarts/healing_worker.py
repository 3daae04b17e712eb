"""Restarts bots that stay down, where operators asked for it: bounded, ever more slowly, and never against them.

::

    N failed checks → restart → N more, 30 s → restart → N more, 60 s → restart → N more → quarantine

Failed are health checks that find it offline; where asked for, also synthetic checks that a healthy bot leaves
unanswered. At most three in an hour, by the stored restarts, so that a restart of the console forgets nothing. A
recovery makes the next wait short again, not the count.
"""

import asyncio
import contextlib
import math
from collections.abc import Sequence
from datetime import datetime, timedelta

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.engine.schemas import ContainerState
from chat_api.fleet.policies import PoliciesService
from chat_api.fleet.schemas import BotPolicy, BotStatus, BotView, Fault, FleetView
from chat_api.fleet.service import FleetService
from chat_api.fleet.status import is_evident
from chat_api.restarts import repository as restarts
from chat_api.restarts.service import RestartsService

log = get_logger(__name__)

WINDOW = timedelta(hours=1)
MAX_IN_WINDOW = 3
FIRST_WAIT_S = 30.0
EVALUATE_EVERY_S = 5.0
# An attempt that could not even begin (the engine is away) is not tried at every change.
COOL_DOWN_S = 30.0
# What somebody paused is theirs.
_NOT_TO_RESTART = frozenset(
    {ContainerState.UNKNOWN, ContainerState.MISSING, ContainerState.RESTARTING, ContainerState.PAUSED}
)


class HealingWorker:
    """Looks at the fleet whenever it changes; one process of a deployment does."""

    def __init__(
        self,
        fleet: FleetService,
        restarts: RestartsService,
        policies: PoliciesService,
        database: Database,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._fleet = fleet
        self._restarts = restarts
        self._policies = policies
        self._database = database
        self._clock = clock
        self._not_before_s: dict[str, float] = {}

    async def run(self) -> None:
        """Heal until cancelled."""
        changed = asyncio.Event()

        def on_change(_: FleetView) -> None:
            changed.set()

        with self._fleet.changes.listening(on_change):
            while True:
                changed.clear()
                await self.turn()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EVALUATE_EVERY_S):
                        await changed.wait()

    async def turn(self) -> None:
        """Look at every bot once, and heal those that need it."""
        now = self._clock.now()
        bots = self._fleet.current().bots
        is_silence_common = is_common_silence(bots)
        for bot in bots:
            policy = bot.policy
            if policy is None or not may_heal(bot, policy, now, is_silence_common=is_silence_common):
                continue
            if self._clock.monotonic_s() < self._not_before_s.get(bot.name, -math.inf):
                continue
            try:
                await self._heal(bot, policy, now)
            except AppError as error:
                self._not_before_s[bot.name] = self._clock.monotonic_s() + COOL_DOWN_S
                log.warning("healing_not_started", bot_name=bot.name, code=error.code, detail=error.detail)

    async def _heal(self, bot: BotView, policy: BotPolicy, now: datetime) -> None:
        since = max(now - WINDOW, policy.healing_since or now - WINDOW)
        async with self._database.read() as connection:
            attempts = await restarts.of_healing(connection, bot.name, since=since)
            newest = await restarts.last_end(connection, bot.name)
        failures = failures_since(bot, newest)
        if failures < policy.heal_after_failures:
            return
        if len(attempts) >= MAX_IN_WINDOW:
            reason = f"{len(attempts)} automatic restarts within an hour did not bring it back."
            await self._policies.quarantine(bot.name, reason)
            return
        recovered_at = last_recovery(bot)
        unbroken = [one for one in attempts if recovered_at is None or one.requested_at > recovered_at]
        ended_at = unbroken[0].finished_at if unbroken else None
        if ended_at is not None and now < ended_at + wait_after(len(unbroken)):
            return
        log.info("bot_healing", bot_name=bot.name, failures=failures, attempt=len(attempts) + 1)
        tried = "unanswered test messages" if is_silent(bot) else "failed health checks"
        await self._restarts.heal(bot.name, f"{failures} {tried} in a row: {bot.error or 'no answer'}")


def may_heal(bot: BotView, policy: BotPolicy, now: datetime, *, is_silence_common: bool = False) -> bool:
    """Whether a bot is down by itself, and nobody and nothing speaks against a restart."""
    if not policy.is_auto_healed or policy.quarantined_at is not None or policy.is_in_maintenance(now):
        return False
    if bot.restart is not None and bot.restart.is_running:
        return False
    container = bot.container
    if container is None or not container.is_managed or container.state in _NOT_TO_RESTART:
        return False
    if bot.cause is not None or policy.is_stopped(container) or container.is_stopped:
        return False
    if bot.status is BotStatus.OFFLINE:
        return True
    return policy.is_healed_when_silent and is_silent(bot) and not is_silence_common


def is_silent(bot: BotView) -> bool:
    """Whether a bot answers its health check, and not its synthetic checks."""
    return bot.has(Fault.SILENT, Fault.APOLOGY, Fault.LANGUAGE_MODEL) and not _answered_last(bot)


def _answered_last(bot: BotView) -> bool:
    return bot.synthetic_check is not None and bot.synthetic_check.is_answered


def is_common_silence(bots: Sequence[BotView]) -> bool:
    """Whether several bots, and half of those that were asked, fell silent: then it is what they all talk through."""
    asked = [bot for bot in bots if is_evident(bot)]
    silent = sum(is_silent(bot) for bot in asked)
    return silent > 1 and 2 * silent >= len(asked)


def failures_since(bot: BotView, since: datetime | None) -> int:
    """How many checks of the kind that failed did so in a row until now, those before ``since`` left out."""
    if is_silent(bot) and bot.synthetic_check is not None:
        return bot.synthetic_check.failures  # the fleet begins to count anew with every restart
    count = 0
    for heartbeat in reversed(bot.heartbeats):
        if heartbeat.status is not BotStatus.OFFLINE or (since is not None and heartbeat.checked_at <= since):
            break
        count += 1
    return count


def last_recovery(bot: BotView) -> datetime | None:
    """When the bot was last seen well."""
    return next(
        (heartbeat.checked_at for heartbeat in reversed(bot.heartbeats) if heartbeat.status is BotStatus.ONLINE), None
    )


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts in a row: half a minute, a minute, two."""
    return timedelta(seconds=FIRST_WAIT_S * 2 ** max(0, attempts - 1)) if attempts else timedelta()

"""Writes down from when until when every bot and dependency was in which state.

A state counts only while somebody confirms it: an interval grows to the last look that saw it. When nobody looks, e.g.
because the console is off, nothing grows, and that time stays unknown.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.fleet.schemas import BotStatus, BotView, FleetView, ServiceStatus
from chat_api.fleet.service import FleetService
from chat_api.fleet.views import STALE_AFTER_INTERVALS
from chat_api.series import status_intervals_repository as status_intervals
from chat_api.series.status_intervals_repository import OpenInterval

log = get_logger(__name__)

TICK_S = 1.0
# How often intervals that only grew are stored, at the most; one that began is stored at the next tick.
STORE_EVERY_S = 15.0
LAST_STORE_TIMEOUT_S = 1.0
MAX_UNSAVED = 20_000
MAX_REASON_CHARS = 200
# Confirmed by each health check; the other states are true until something says otherwise.
PROBED = frozenset({BotStatus.ONLINE, BotStatus.DEGRADED, BotStatus.STARTING, BotStatus.MISADDRESSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A subject is in a state, as of ``at``."""

    subject: str
    status: str
    at: datetime
    reason: str = ""


class StatusRecorder:
    """The leader's: one for a deployment writes at a time, and a new one goes on where the old one ended."""

    def __init__(
        self, fleet: FleetService, database: Database, *, check_interval_s: float, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        self._fleet = fleet
        self._database = database
        self._clock = clock
        # As long as the fleet itself believes what it saw last.
        self._gap = timedelta(seconds=STALE_AFTER_INTERVALS * check_interval_s + 1.0)
        self._store_every_s = min(STORE_EVERY_S, check_interval_s)
        self._open: dict[str, OpenInterval] = {}
        self._unsaved: dict[tuple[str, datetime], OpenInterval] = {}
        self._has_begun = False
        self._seen: dict[str, BotView] = {}

    async def run(self) -> None:
        """Keep the intervals until cancelled."""
        await self.resume()
        stored_s = self._clock.monotonic_s()
        try:
            with self._fleet.changes.listening(self.observe_changes):
                while True:
                    self.observe(self._fleet.current())
                    now_s = self._clock.monotonic_s()
                    if self._has_begun or now_s - stored_s >= self._store_every_s:
                        stored_s = now_s
                        await self.store()
                    await asyncio.sleep(TICK_S)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_STORE_TIMEOUT_S):
                    await self.store()

    async def resume(self) -> None:
        """Take over the intervals that may still go on. Raises: DatabaseUnavailable."""
        async with self._database.read() as connection:
            found = await status_intervals.last(connection, since=self._clock.now() - self._gap)
        self._open = {interval.subject: interval for interval in found}

    def observe_changes(self, view: FleetView) -> None:
        """Take over what is new in a view, which may come many times a second."""
        new = tuple(bot for bot in view.bots if self._seen.get(bot.name) is not bot)
        self._seen = {bot.name: bot for bot in view.bots}
        self.observe(replace(view, bots=new))

    def observe(self, view: FleetView) -> None:
        """Take over what is known at this moment; also that nothing has changed."""
        for observation in observations(view, self._clock.now()):
            self._observe(observation)

    async def store(self) -> None:
        """Write what began or grew. While PostgreSQL is away it is kept, up to a bound."""
        batch, self._unsaved, self._has_begun = self._unsaved, {}, False
        if not batch:
            return
        try:
            async with self._database.statement() as connection:
                await status_intervals.put(connection, list(batch.values()))
        except AppError as error:
            log.debug("status_intervals_not_stored", detail=error.detail, count=len(batch))
            self._unsaved = dict(list((batch | self._unsaved).items())[-MAX_UNSAVED:])

    def _observe(self, seen: Observation) -> None:
        current = self._open.get(seen.subject)
        if current is None:
            return self._begin(seen, at=seen.at)
        is_whole = seen.at - current.until_at <= self._gap
        if current.status == seen.status and is_whole:
            if seen.at > current.until_at:
                self._grow(current, until=seen.at)
            return None
        at = max(seen.at, current.until_at)
        if is_whole:
            self._grow(current, until=at)
        return self._begin(seen, at=at)

    def _grow(self, interval: OpenInterval, *, until: datetime) -> None:
        interval.until_at = until
        self._unsaved[interval.subject, interval.started_at] = interval

    def _begin(self, seen: Observation, *, at: datetime) -> None:
        interval = OpenInterval(
            subject=seen.subject, status=seen.status, started_at=at, until_at=at, reason=seen.reason[:MAX_REASON_CHARS]
        )
        self._open[seen.subject] = interval
        self._unsaved[seen.subject, at] = interval
        self._has_begun = True


def observations(view: FleetView, now: datetime) -> Iterator[Observation]:
    """What a view says of states, without those that it does not know."""
    for bot in view.bots:
        if bot.status is not BotStatus.UNKNOWN:
            at = bot.last_checked_at if bot.status in PROBED and bot.last_checked_at else now
            yield Observation(subject=f"bot:{bot.name}", status=bot.status, at=at, reason=reason_of(bot))
    for service in view.services:
        if service.status in {ServiceStatus.HEALTHY, ServiceStatus.UNHEALTHY} and service.last_checked_at:
            reason = (service.error or "") if service.status is ServiceStatus.UNHEALTHY else ""
            yield Observation(
                subject=f"service:{service.name}", status=service.status, at=service.last_checked_at, reason=reason
            )


def reason_of(bot: BotView) -> str:
    """Why a bot is in its state, for operators; empty where the state says it all."""
    match bot.status:
        case BotStatus.MAINTENANCE:
            return bot.policy.maintenance_reason if bot.policy else ""
        case BotStatus.QUARANTINED:
            return bot.policy.quarantine_reason if bot.policy else ""
        case BotStatus.RESTARTING:
            return f"restarted by {bot.restart.requested_by}" if bot.restart else ""
        case BotStatus.OFFLINE | BotStatus.DEGRADED | BotStatus.STARTING | BotStatus.MISADDRESSED:
            return _fault(bot)
        case _:
            return ""


def _fault(bot: BotView) -> str:
    parts = [f"{bot.cause} is down"] if bot.cause else []
    container = bot.container
    if bot.status is BotStatus.OFFLINE and container is not None and container.state != "running":
        code = f" with code {container.exit_code}" if container.exit_code is not None else ""
        memory = ", out of memory" if container.oom_killed else ""
        parts.append(f"container {container.state}{code}{memory}")
    elif bot.error:
        parts.append(bot.error)
    return "; ".join(parts)

"""What was measured and observed over time: points for charts, uptime, and the intervals behind it.

A series' subject is ``answers:``, ``health:`` or ``synthetic_check:`` and a bot's name, ``service:`` and a dependency's
key, ``http`` or ``loop_lag``. That of a queue holds depths in the place of times. A state's subject is ``bot:`` and a
bot's name, or ``service:`` and a dependency's key.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable
from datetime import UTC, datetime
from typing import Any, TypeVar

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import NotFound
from chat_api.core.histogram import percentiles
from chat_api.core.principals import Permission, Principal
from chat_api.fleet.dependencies import DEPENDENCIES
from chat_api.fleet.queues import queue_of
from chat_api.fleet.registry import BotRegistry
from chat_api.series import repository as series
from chat_api.series import status_intervals_repository as status_intervals
from chat_api.series.repository import Tally
from chat_api.series.schemas import BotSeries, SeriesPoint, StatusInterval, Uptime, Window

T = TypeVar("T")

UP = frozenset({"online", "degraded", "healthy"})
MAINTENANCE = "maintenance"
OWN_SERIES = frozenset({"http", "loop_lag"})
# Viewers who look at the same thing within this time share one query.
SHARED_S = 5.0
MAX_SHARED = 256


class SeriesService:
    """Reads what the recorder and the status keeper stored."""

    def __init__(
        self,
        database: Database,
        registry: BotRegistry,
        *,
        services: Callable[[], Collection[str]] = lambda: (),
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """``services``: the parts of the fleet that are watched beside our own dependencies."""
        self._database = database
        self._registry = registry
        self._services = services
        self._clock = clock
        self._shared: dict[Hashable, tuple[float, asyncio.Task[Any]]] = {}

    async def points(self, principal: Principal, subject: str, window: Window) -> tuple[SeriesPoint, ...]:
        """A point for each step of the window, also where nothing was measured; at most 400.

        Raises: PermissionDenied, NotAuthenticated, NotFound, DatabaseUnavailable.
        """
        self._check(principal, subject)
        return await self._share(("points", subject, window), lambda: self._points(subject, window))

    async def uptime(self, principal: Principal, subject: str, window: Window) -> Uptime:
        """How much of the window up to now a subject was up. Raises: as :meth:`points`."""
        return uptime_of(await self.intervals(principal, subject, window), window)

    async def intervals(self, principal: Principal, subject: str, window: Window) -> tuple[StatusInterval, ...]:
        """The observed states of a subject within the window, oldest first. Raises: as :meth:`points`."""
        self._check(principal, subject)
        return await self._share(("intervals", subject, window), lambda: self._intervals(subject, window))

    async def _points(self, subject: str, window: Window) -> tuple[SeriesPoint, ...]:
        now_s = int(self._clock.now().timestamp())
        step_s = window.step_s
        # The last step is the one that is running.
        first_s = now_s - now_s % step_s - int(window.length.total_seconds()) + step_s
        async with self._database.read() as connection:
            rows = await series.read(
                connection, subject, span_s=window.span, since=datetime.fromtimestamp(first_s, tz=UTC)
            )
        steps: dict[int, Tally] = {}
        for at, tally in rows:
            at_s = int(at.timestamp())
            steps.setdefault(at_s - at_s % step_s, Tally(buckets={})).add(tally)
        return tuple(_point(at_s, step_s, steps.get(at_s)) for at_s in range(first_s, now_s + 1, step_s))

    async def _intervals(self, subject: str, window: Window) -> tuple[StatusInterval, ...]:
        now = self._clock.now()
        async with self._database.read() as connection:
            found = await status_intervals.within(connection, subject, since=now - window.length, until=now)
        return tuple(found)

    def _check(self, principal: Principal, subject: str) -> None:
        principal.require(Permission.VIEW_SYSTEM if subject in OWN_SERIES else Permission.VIEW_FLEET)
        kind, _, name = subject.partition(":")
        if kind == "service":
            if name not in DEPENDENCIES and queue_of(name) is None and name not in self._services():
                raise NotFound("Unknown service.")
        elif kind == "bot" or kind in set(BotSeries):
            self._registry.get(name)
        elif subject not in OWN_SERIES:
            raise NotFound("Unknown series.")

    async def _share(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """Read, or wait for somebody who is reading the same, or take what was read a moment ago."""
        now_s = self._clock.monotonic_s()
        until_s, task = self._shared.get(key, (0.0, None))
        if task is None or until_s <= now_s or (task.done() and (task.cancelled() or task.exception() is not None)):
            for old in [one for one, (end_s, _) in self._shared.items() if end_s <= now_s][:MAX_SHARED]:
                del self._shared[old]
            while len(self._shared) >= MAX_SHARED:
                del self._shared[next(iter(self._shared))]
            task = asyncio.ensure_future(read())
            assert task is not None
            self._shared[key] = (now_s + SHARED_S, task)
        answer: T = await asyncio.shield(task)
        return answer


def uptime_of(intervals: tuple[StatusInterval, ...], window: Window) -> Uptime:
    """The uptime that observed intervals make; what they leave out of the window is unknown."""
    seconds: dict[str, float] = {}
    for interval in intervals:
        seconds[interval.status] = seconds.get(interval.status, 0.0) + interval.duration_s
    share, up_s, down_s = share_of(seconds)
    return Uptime(
        window=window,
        share=share,
        up_s=up_s,
        down_s=down_s,
        maintenance_s=seconds.get(MAINTENANCE, 0.0),
        unknown_s=max(0.0, window.length.total_seconds() - sum(seconds.values())),
        seconds=seconds,
    )


def share_of(seconds: dict[str, float]) -> tuple[float | None, float, float]:
    """The share of the known time that was up, and the seconds up and down, from the seconds in each state."""
    up_s = sum(one for status, one in seconds.items() if status in UP)
    down_s = sum(one for status, one in seconds.items() if status not in UP and status != MAINTENANCE)
    return (up_s / (up_s + down_s) if up_s + down_s > 0 else None), up_s, down_s


def _point(at_s: int, span_s: int, tally: Tally | None) -> SeriesPoint:
    at = datetime.fromtimestamp(at_s, tz=UTC)
    if tally is None:
        return SeriesPoint(at=at, span_s=span_s)
    measured = sum(tally.buckets.values())
    p50_ms, p95_ms, p99_ms = percentiles(tally.buckets)
    return SeriesPoint(
        at=at,
        span_s=span_s,
        count=tally.count,
        errors=tally.errors,
        mean_ms=tally.sum_ms / measured if measured else None,
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        p99_ms=p99_ms,
        max_ms=tally.max_ms if measured else None,
    )

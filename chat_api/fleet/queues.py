"""The queues of a v2 fleet's workers: how long each is, how long its oldest job has waited, and whether it only grows.

arq keeps a queue as a sorted set of jobs, scored by the time in milliseconds from which on each is due.
Source: bot contract, "Shared stores"; arq's documentation.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from redis.asyncio import Redis
from redis.exceptions import RedisError

from chat_api.core.language import N_
from chat_api.fleet.schemas import QueueView
from chat_api.fleet.store_sources import REDIS_TIMEOUT_S, unreadable_redis

# By their names; also the order of pages. Source: bot contract, ``queue_depths``.
QUEUES: Mapping[str, str] = {
    "cognition": N_("Queue cognition"),
    "sensory": N_("Queue sensory"),
    "action": N_("Queue action"),
    "social": N_("Queue social"),
}
SERVICE_PREFIX = "queue-"
FAULT = N_("only grows")
GROWS_FOR = timedelta(minutes=10)
# Fewer new jobs in that time are no flood: a worker may be at a long one.
LEAST_GROWTH = 5
# Growing is over when the queue has been so much shorter than it once was, for so long, or is empty.
SHRUNK = 0.8
SHRUNK_FOR = timedelta(minutes=2)
# After such a gap nothing is known of what came before.
GAP = timedelta(minutes=2)
MINUTE = timedelta(minutes=1)


def queue_of(service: str) -> str | None:
    """The queue that a dependency's key stands for, if it does for one."""
    name = service.removeprefix(SERVICE_PREFIX)
    return name if name != service and name in QUEUES else None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueReading:
    """One look: all jobs, those that are due, and how long the oldest of these has waited."""

    depth: int
    waiting: int
    oldest_job_s: float | None


class QueueGrowth:
    """Whether one queue only grows: it got longer by some jobs within ten minutes, and in none of them shorter."""

    def __init__(self) -> None:
        self._seen: deque[tuple[datetime, int]] = deque()
        self._most = 0
        self.since: datetime | None = None

    def resume(self, since: datetime, waiting: int) -> None:
        """Go on from what another process saw: the queue was growing when it was last seen."""
        self.since, self._most = since, waiting

    def record(self, waiting: int, at: datetime) -> bool:
        """Take one more look into account. Returns whether the queue only grows."""
        if self._seen and at - self._seen[-1][0] > GAP:
            self._seen.clear()
        self._seen.append((at, waiting))
        while at - self._seen[0][0] > GROWS_FOR + MINUTE:
            self._seen.popleft()
        if self.since is None:
            if self._only_grew(at):
                self.since, self._most = self._seen[0][0], waiting
        else:
            self._most = max(self._most, waiting)
            if waiting == 0 or self._has_shrunk(at):
                self.since = None
                self._seen.clear()
        return self.since is not None

    def _only_grew(self, at: datetime) -> bool:
        if at - self._seen[0][0] < GROWS_FOR:
            return False
        least: dict[int, int] = {}  # of each minute: within one, a job may end before the next begins
        for seen_at, waiting in self._seen:
            minute = (at - seen_at) // MINUTE
            least[minute] = min(least.get(minute, waiting), waiting)
        lows = [least[minute] for minute in sorted(least, reverse=True)]
        is_rising = all(before <= after for before, after in pairwise(lows))
        return is_rising and lows[-1] - lows[0] >= LEAST_GROWTH

    def _has_shrunk(self, at: datetime) -> bool:
        if at - self._seen[0][0] < SHRUNK_FOR:
            return False
        lately = (waiting for seen_at, waiting in self._seen if at - seen_at <= SHRUNK_FOR)
        return all(waiting <= SHRUNK * self._most for waiting in lately)


async def read_queues(redis: Redis, now: datetime) -> Mapping[str, QueueReading]:
    """All queues, in one round trip. Raises: StoreUnreadable."""
    now_ms = now.timestamp() * 1000
    try:
        async with asyncio.timeout(REDIS_TIMEOUT_S):
            pipeline = redis.pipeline(transaction=False)
            for name in QUEUES:
                pipeline.zcard(f"arq:{name}")
                pipeline.zcount(f"arq:{name}", "-inf", now_ms)
                pipeline.zrange(f"arq:{name}", 0, 0, withscores=True)
            answers = await pipeline.execute()
    except (RedisError, OSError, UnicodeDecodeError) as error:
        raise unreadable_redis(error) from error
    found: dict[str, QueueReading] = {}
    for place, name in enumerate(QUEUES):
        depth, waiting, first = answers[3 * place : 3 * place + 3]
        waited_s = (now_ms - first[0][1]) / 1000 if first and waiting else None
        found[name] = QueueReading(depth=depth, waiting=waiting, oldest_job_s=waited_s)
    return found


def view_of(reading: QueueReading, since: datetime | None) -> QueueView:
    """A look as everybody shows it."""
    return QueueView(
        depth=reading.depth, waiting=reading.waiting, oldest_job_s=reading.oldest_job_s, growing_since=since
    )

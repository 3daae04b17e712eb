"""Queues that only grow, by what a bot says of them itself: nobody works on what it put there.

A claim, and told as one: it is not looked up where the queues are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

GROWING_FOR = timedelta(minutes=10)
# Fewer jobs more than before may be chance.
MIN_GROWTH = 5
# The bot is asked about every minute.
STALE_AFTER = timedelta(minutes=5)
MAX_QUEUES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedQueue:
    """One queue since it was last seen to shrink, or to be empty: its depth then and now."""

    name: str
    since: datetime
    first: int
    seen_at: datetime
    depth: int

    @property
    def is_only_growing(self) -> bool:
        """Whether it has not shrunk for long, and has grown."""
        return self.seen_at - self.since >= GROWING_FOR and self.depth - self.first >= MIN_GROWTH

    @property
    def words(self) -> str:
        """That it does, for operators."""
        minutes = (self.seen_at - self.since).total_seconds() // 60
        return f'its queue "{self.name}" has only grown for {minutes:.0f} min, to {self.depth:,} (the bot says)'


ClaimedQueues = Mapping[str, ClaimedQueue]


def followed(before: ClaimedQueues, facts: Mapping[str, object], *, at: datetime) -> ClaimedQueues:
    """The queues after what a bot said of itself; without its own Redis it says nothing of any."""
    depths = facts.get("queue_depths")
    if not isinstance(depths, Mapping):
        return before
    valid = {name: depth for name, depth in depths.items() if isinstance(name, str) and _is_depth(depth)}
    return {name: _next(name, before.get(name), valid[name], at) for name in list(valid)[:MAX_QUEUES]}


def growing(queues: ClaimedQueues, *, now: datetime) -> ClaimedQueue | None:
    """The longest of those that only grow, unless that was said too long ago."""
    found = [queue for queue in queues.values() if queue.is_only_growing and now - queue.seen_at <= STALE_AFTER]
    return max(found, key=lambda queue: queue.depth, default=None)


def _next(name: str, before: ClaimedQueue | None, depth: int, at: datetime) -> ClaimedQueue:
    if before is None or depth < before.depth or depth == 0 or at - before.seen_at > STALE_AFTER:
        return ClaimedQueue(name=name, since=at, first=depth, seen_at=at, depth=depth)
    return replace(before, seen_at=at, depth=depth)


def _is_depth(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0

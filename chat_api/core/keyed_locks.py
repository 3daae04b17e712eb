"""First in, first out per key, with a bounded number of places, and nothing kept of a key that nobody waits for."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class KeyedLocks:
    """One turn at a time per key; ``asyncio.Lock`` wakes its waiters in the order they came."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, asyncio.Lock] = {}
        self._waiting: dict[Hashable, int] = {}

    def take(self, key: Hashable, *, limit: int | None = None) -> bool:
        """Take a place in a lane; returns whether there was one left. Give it back with :meth:`leave`."""
        taken = self._waiting.get(key, 0)
        if limit is not None and taken >= limit:
            return False
        self._waiting[key] = taken + 1
        self._locks.setdefault(key, asyncio.Lock())
        return True

    def leave(self, key: Hashable) -> None:
        """Give a place back; the last one takes the lane with it."""
        self._waiting[key] -= 1
        if not self._waiting[key]:
            del self._waiting[key], self._locks[key]

    def turn(self, key: Hashable) -> asyncio.Lock:
        """``async with`` it: wait for the turn of a place that was taken, and hold it while the block runs."""
        return self._locks[key]

    @asynccontextmanager
    async def queue(self, key: Hashable) -> AsyncIterator[None]:
        """A place and its turn at once, while the block runs."""
        self.take(key)
        try:
            async with self.turn(key):
                yield
        finally:
            self.leave(key)

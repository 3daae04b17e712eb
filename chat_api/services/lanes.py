"""First in, first out per key, and nothing kept of a key that nobody waits for."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class Lanes:
    """One turn at a time per key; ``asyncio.Lock`` wakes its waiters in the order they came."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, asyncio.Lock] = {}
        self._counts: dict[Hashable, int] = {}

    @asynccontextmanager
    async def turn(self, key: Hashable) -> AsyncIterator[None]:
        """Wait for this key's turn, and hold it while the block runs."""
        lock = self._locks.setdefault(key, asyncio.Lock())
        self._counts[key] = self._counts.get(key, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key], self._locks[key]

    def waiting(self, key: Hashable) -> int:
        """How many have a turn on this key or wait for one."""
        return self._counts.get(key, 0)

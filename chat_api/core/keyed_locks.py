"""Locks by key: waiters are served in order, their number can be limited, and an unused key costs nothing."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class KeyedLocks:
    """One holder at a time per key. ``asyncio.Lock`` wakes waiters in the order in which they arrived."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, asyncio.Lock] = {}
        self._waiting: dict[Hashable, int] = {}

    def take(self, key: Hashable, *, limit: int | None = None) -> bool:
        """Reserve a slot in the key's queue; returns False when it is full. Release it with :meth:`leave`."""
        taken = self._waiting.get(key, 0)
        if limit is not None and taken >= limit:
            return False
        self._waiting[key] = taken + 1
        self._locks.setdefault(key, asyncio.Lock())
        return True

    def leave(self, key: Hashable) -> None:
        """Release a slot. The lock is dropped with the last one."""
        self._waiting[key] -= 1
        if not self._waiting[key]:
            del self._waiting[key], self._locks[key]

    def turn(self, key: Hashable) -> asyncio.Lock:
        """The lock of a reserved slot: ``async with`` waits for its turn and holds the lock for the block."""
        return self._locks[key]

    @asynccontextmanager
    async def queue(self, key: Hashable) -> AsyncIterator[None]:
        """Reserve a slot, wait for the lock, and hold both for the block."""
        self.take(key)
        try:
            async with self.turn(key):
                yield
        finally:
            self.leave(key)

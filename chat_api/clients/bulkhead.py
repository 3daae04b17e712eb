"""A bulkhead: so many calls at once, so many waiting, the rest is told to come back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chat_api.core.errors import BotBusy

RETRY_AFTER_S = 2.0


class Bulkhead:
    """A bounded number of slots with a bounded queue in front, first in first out."""

    def __init__(self, slots: int, *, max_waiting: int) -> None:
        self._slots = asyncio.Semaphore(slots)
        self._max_waiting = max_waiting
        self._waiting = 0

    @asynccontextmanager
    async def slot(self, *, wait_s: float) -> AsyncIterator[None]:
        """Hold one slot, after waiting for it at most ``wait_s`` seconds.

        Raises: BotBusy when the queue is full or the wait was in vain; nothing was sent then.
        """
        if self._slots.locked() and self._waiting >= self._max_waiting:
            raise BotBusy(detail="the queue for a slot is full", retry_after_s=RETRY_AFTER_S)
        self._waiting += 1
        try:
            async with asyncio.timeout(wait_s):
                await self._slots.acquire()
        except TimeoutError:
            raise BotBusy(detail=f"no slot within {wait_s:g} s", retry_after_s=RETRY_AFTER_S) from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._slots.release()

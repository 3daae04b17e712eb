"""Bulkheads: so many calls of one bot at once, so many waiting, the rest is told to come back.

All bots together have a limit as well, and share it so that those which hang cannot take everything: of what no bot
could take alone, a part is reserved, and there a bot gets another slot only while it holds fewer than are free.
However many hang, something is left for the next.
Source: A. Choudhury, E. Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998.
"""

import asyncio
from collections import deque

from chat_api.core.errors import BotBusy

RETRY_AFTER_S = 2.0
RESERVED_SHARE = 4


class SharedSlots:
    """What all bots together may have, and the bots whose callers wait for it."""

    def __init__(self, total: int, *, per_bot: int) -> None:
        self.free = total
        self.reserved = max(0, total - per_bot) // RESERVED_SHARE
        self._waiting: dict[Bulkhead, None] = {}

    def wait_for(self, bulkhead: "Bulkhead") -> None:
        """Remember that somebody waits there."""
        self._waiting[bulkhead] = None

    def admit(self) -> None:
        """Let in everybody who now may come in: bots in turn, each bot's callers in order."""
        while bulkhead := next((one for one in self._waiting if one.may_enter), None):
            del self._waiting[bulkhead]
            if bulkhead.admit_first():
                self._waiting[bulkhead] = None


class Bulkhead:
    """One bot's slots, with a bounded queue in front, first in first out."""

    def __init__(self, shared: SharedSlots, *, slots: int, max_waiting: int) -> None:
        self._shared = shared
        self._max_waiting = max_waiting
        self._queue: deque[asyncio.Future[None]] = deque()
        self.slots = slots
        self.in_flight = 0

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return len(self._queue)

    @property
    def may_enter(self) -> bool:
        """Whether one more call could start now."""
        free = self._shared.free
        return self.in_flight < self.slots and free > 0 and (free > self._shared.reserved or self.in_flight < free)

    async def enter(self, *, wait_s: float) -> None:
        """Take a slot, after waiting for it at most ``wait_s`` seconds; ``leave`` gives it back.

        Raises: BotBusy when the queue is full or the wait was in vain; nothing was sent then.
        """
        if not self._queue and self.may_enter:
            self._take()
            return
        if len(self._queue) >= self._max_waiting:
            raise BotBusy(detail="the queue for a slot is full", retry_after_s=RETRY_AFTER_S)
        slot = asyncio.get_running_loop().create_future()
        self._queue.append(slot)
        self._shared.wait_for(self)
        try:
            async with asyncio.timeout(wait_s):
                await slot
        except BaseException as error:
            if slot.done() and not slot.cancelled():
                self.leave()  # it came at the very moment of giving up
            else:
                self._queue.remove(slot)
            if isinstance(error, TimeoutError):
                raise BotBusy(detail=f"no slot within {wait_s:g} s", retry_after_s=RETRY_AFTER_S) from None
            raise

    def leave(self) -> None:
        """Give a slot back."""
        self.in_flight -= 1
        self._shared.free += 1
        self._shared.admit()

    def admit_first(self) -> bool:
        """Give a slot to who has waited longest; returns whether others still wait."""
        slot = next((one for one in self._queue if not one.done()), None)
        if slot is not None:
            self._queue.remove(slot)
            self._take()
            slot.set_result(None)
        return slot is not None and bool(self._queue)

    def _take(self) -> None:
        self.in_flight += 1
        self._shared.free -= 1

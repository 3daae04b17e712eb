"""Events that wait to be read: as many as fit, and then the one who brings them waits."""

import asyncio
from collections import deque

from whisperengine_client.errors import ChatError
from whisperengine_client.events import Event


class Inbox:
    """A bounded queue that can be closed, with or without an error."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._events: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._is_closed = False
        self._error: ChatError | None = None

    def __len__(self) -> int:
        return len(self._events)

    def offer(self, event: Event) -> bool:
        """Put an event in if there is room; returns whether there was."""
        if len(self._events) >= self._size or self._is_closed:
            return False
        self._events.append(event)
        self._arrived.set()
        return True

    async def put(self, event: Event, *, timeout_s: float) -> bool:
        """Put an event in, waiting for room; returns ``False`` if there was none in time."""
        if self.offer(event):
            return True
        try:
            async with asyncio.timeout(timeout_s):
                while not self.offer(event):
                    self._taken.clear()
                    await self._taken.wait()
        except TimeoutError:
            return False
        return True

    async def get(self) -> Event:
        """The oldest event.

        Raises: the error of the close; StopAsyncIteration after one without, when all was read.
        """
        while not self._events:
            if self._is_closed:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        self._taken.set()
        return self._events.popleft()

    def close(self, error: ChatError | None = None) -> None:
        """Take nothing more. What is there can still be read."""
        if not self._is_closed:
            self._is_closed, self._error = True, error
            self._arrived.set()

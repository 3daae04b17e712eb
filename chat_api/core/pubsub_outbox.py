"""What waits to be published, bounded, and taken together."""

import asyncio
from collections import deque

MAX_WAITING = 20_000
MAX_WAITING_BYTES = 8 * 1024 * 1024
MAX_BATCH_BYTES = 256 * 1024
# After one batch the next one gathers this long: nobody sees it, and under load it saves most of the round trips.
GATHER_S = 0.002


class PubSubOutbox:
    """Encoded signals in order. Each batch has a number; what had to be dropped uses up numbers, too."""

    def __init__(self, origin: str) -> None:
        self._origin = origin.encode()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._number = 0
        self._taken_s = 0.0
        self._wake = asyncio.Event()

    def put(self, message: bytes) -> None:
        """Add one signal; dropped when too much waits."""
        if len(self._waiting) >= MAX_WAITING or self._waiting_bytes + len(message) > MAX_WAITING_BYTES:
            self.drop()
            return
        self._waiting.append(message)
        self._waiting_bytes += len(message)
        self._wake.set()

    def drop(self) -> None:
        """Take note that a signal was not sent: listeners see the jump in the numbers."""
        self._number += 1

    def clear(self) -> None:
        """Drop everything that waits."""
        self._waiting.clear()
        self._waiting_bytes = 0
        self._wake.clear()
        self.drop()

    async def take(self) -> bytes:
        """Wait for a signal; then all that wait, as one message, up to a size that no Redis minds."""
        await self._wake.wait()
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._taken_s + GATHER_S - loop.time()))
        self._taken_s = loop.time()
        pubsub: list[bytes] = []
        size = 0
        while self._waiting and (not pubsub or size + len(self._waiting[0]) <= MAX_BATCH_BYTES):
            pubsub.append(self._waiting.popleft())
            size += len(pubsub[-1])
        self._waiting_bytes -= size
        if not self._waiting:
            self._wake.clear()
        self._number += 1
        return b'["%b",%d,[%b]]' % (self._origin, self._number, b",".join(pubsub))

"""One viewer of live logs: a bounded queue of the lines that they want, and a count of those they did not get."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice

from chat_api.core.errors import AppError
from chat_api.engine.log_schemas import LogBatch, LogCounts, LogLine
from chat_api.logs.filter import LogFilter

MAX_WAITING_LINES = 2000


class LogViewer:
    """What one page or stream sees. A slow one loses its oldest lines, is told how many, and delays nobody.

    At any moment ``emitted == shown + dropped + waiting``, of the lines that match its filter.
    """

    def __init__(self, bots: tuple[str, ...], wanted: LogFilter, *, max_waiting: int = MAX_WAITING_LINES) -> None:
        self.bots = bots
        self.error: AppError | None = None
        self._filter = wanted
        self._waiting: deque[LogLine] = deque()
        self._max_waiting = max_waiting
        self._skipped = self._emitted = self._shown = self._dropped = 0
        self._news = asyncio.Event()
        self._leave: Callable[[LogViewer], None] | None = None

    @property
    def counts(self) -> LogCounts:
        """What became of the lines so far."""
        return LogCounts(emitted=self._emitted, shown=self._shown, dropped=self._dropped, waiting=len(self._waiting))

    def offer(self, lines: Iterable[LogLine]) -> None:
        """Take new lines of one bot. A pattern that takes too long ends the viewer with an error to show."""
        if self.error is not None:
            return
        try:
            found = self._filter.select(lines)
        except AppError as error:
            self.fail(error)
            return
        if not found:
            return
        self._emitted += len(found)
        self._waiting.extend(found)
        while len(self._waiting) > self._max_waiting:
            self._waiting.popleft()
            self._dropped += 1
            self._skipped += 1
        self._news.set()

    def fail(self, error: AppError) -> None:
        """Nothing more comes, and why."""
        self.error = error
        self._news.set()

    async def wait(self, *, timeout_s: float) -> bool:
        """Wait for something to take; whether there is. Raises: AppError when it has failed."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return False
        if self.error is not None:
            raise self.error
        return True

    def take(self, limit: int) -> LogBatch:
        """At most ``limit`` lines, by time, and how many were skipped before them."""
        count = min(limit, len(self._waiting))
        lines = sorted(islice(self._waiting, count), key=lambda line: line.at_ns)
        for _ in range(count):
            self._waiting.popleft()
        self._shown += count
        skipped, self._skipped = self._skipped, 0
        if not self._waiting and self.error is None:
            self._news.clear()
        return LogBatch(lines=tuple(lines), skipped=skipped, counts=self.counts)

    def on_close(self, leave: "Callable[[LogViewer], None]") -> None:
        """Call ``leave`` once, when the viewer goes."""
        self._leave = leave

    def close(self) -> None:
        """See nothing more. Harmless when done twice."""
        leave, self._leave = self._leave, None
        self._waiting.clear()
        if leave is not None:
            leave(self)

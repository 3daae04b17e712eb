"""What the background workers did last: each says so itself, and the System page and the metrics read it here.

A worker finds its own line through a context variable, so that what it calls may beat without being handed anything.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.logging import redact

LATE_FACTOR = 3.0
GRACE_S = 10.0
MAX_ERROR_CHARS = 200


@dataclass(slots=True, kw_only=True)
class WorkerLine:
    """One worker: ``interval_s`` is how often it means to beat, None for one that waits for events."""

    name: str
    started_at: datetime
    heartbeat_at: datetime
    heartbeat_s: float
    interval_s: float | None = None
    is_running: bool = True
    failures: int = 0
    failed_at: datetime | None = None
    error: str | None = None

    def is_late(self, now_s: float) -> bool:
        """Whether it should have beaten long ago; ``now_s`` is monotonic."""
        if self.interval_s is None or not self.is_running:
            return False
        return now_s - self.heartbeat_s > LATE_FACTOR * self.interval_s + GRACE_S


class WorkerRegistry:
    """The lines of one process's workers, by name. A name is few and ours, so the book is bounded."""

    def __init__(self, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self.clock = clock
        self._lines: dict[str, WorkerLine] = {}

    def lines(self) -> tuple[WorkerLine, ...]:
        """All workers that run or ran, by name."""
        return tuple(self._lines[name] for name in sorted(self._lines))

    @contextmanager
    def running(self, name: str) -> Iterator[WorkerLine]:
        """A worker runs inside the block; :func:`beat` finds its line there."""
        now = self.clock.now()
        line = self._lines.get(name)
        if line is None:
            now_s = self.clock.monotonic_s()
            line = self._lines[name] = WorkerLine(name=name, started_at=now, heartbeat_at=now, heartbeat_s=now_s)
        line.is_running, line.started_at = True, now
        self.heartbeat(line)
        token = _current.set((self, line))
        try:
            yield line
        finally:
            line.is_running = False
            _current.reset(token)

    def heartbeat(self, line: WorkerLine) -> None:
        """A worker has done a round."""
        line.heartbeat_at = self.clock.now()
        line.heartbeat_s = self.clock.monotonic_s()

    def fail(self, line: WorkerLine, error: Exception) -> None:
        """A worker ended with an error, and will be begun again."""
        line.failures += 1
        line.failed_at = self.clock.now()
        line.error = redact(f"{type(error).__name__}: {error}")[:MAX_ERROR_CHARS]


def heartbeat(*, interval_s: float | None = None) -> None:
    """Say that the worker around us has done a round; outside of one it says nothing."""
    found = _current.get()
    if found is not None:
        book, line = found
        line.interval_s = interval_s
        book.heartbeat(line)


_current: ContextVar[tuple[WorkerRegistry, WorkerLine] | None] = ContextVar("worker", default=None)

"""Sees that something blocks the event loop: from a thread, because the loop itself cannot.

The loop says every quarter of a second that it runs. When it has not for half a second, the thread looks once at what
it is doing; when it runs again, what was seen is logged as ``event_loop_blocked`` with how long it took.
"""

import asyncio
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import FrameType

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.logging import get_logger

log = get_logger(__name__)

HEARTBEAT_S = 0.25
BLOCKED_S = 0.5
CHECK_EVERY_S = 0.1
WINDOW = 240  # beats: a minute
MAX_FRAMES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """One time that the loop stood still. ``stack`` is where it stood, innermost last."""

    at: datetime
    duration_s: float
    stack: str


class LoopWatch:
    """Measures how late the loop is, and finds out why when it is very late."""

    def __init__(
        self,
        *,
        on_lag: Callable[[float], None] = lambda _: None,
        on_blocked: Callable[[float], None] = lambda _: None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._on_lag = on_lag
        self._on_blocked = on_blocked
        self._clock = clock
        self._lags: deque[float] = deque(maxlen=WINDOW)
        self.blocked: deque[Blocked] = deque(maxlen=10)
        self.blocked_count = 0
        self._last_turn_s = 0.0
        self._stack = ""
        self._thread_id = 0

    def lag_ms(self, share: float) -> float:
        """A percentile of the last minute's lag (``share`` 1 is the longest)."""
        ordered = sorted(self._lags)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    async def run(self) -> None:
        """Measure until cancelled."""
        self._thread_id = threading.get_ident()
        self._last_turn_s = time.perf_counter()
        ended = threading.Event()
        thread = threading.Thread(target=self._check_late, args=(ended,), name="loop-watch", daemon=True)
        thread.start()
        try:
            while True:
                due_s = time.perf_counter() + HEARTBEAT_S
                await asyncio.sleep(HEARTBEAT_S)
                self._record(time.perf_counter() - due_s)
        finally:
            ended.set()

    def _record(self, lag_s: float) -> None:
        lag_s = max(0.0, lag_s)
        self._lags.append(lag_s)
        self._on_lag(lag_s)
        stack, self._stack = self._stack, ""
        self._last_turn_s = time.perf_counter()
        if lag_s >= BLOCKED_S:
            self.blocked_count += 1
            self.blocked.append(Blocked(at=self._clock.now(), duration_s=lag_s, stack=stack))
            self._on_blocked(lag_s)
            log.warning("event_loop_blocked", duration_s=round(lag_s, 3), stack=stack)

    def _check_late(self, ended: threading.Event) -> None:
        while not ended.wait(CHECK_EVERY_S):
            is_late = time.perf_counter() - self._last_turn_s > HEARTBEAT_S + BLOCKED_S / 2
            if is_late and not self._stack:
                frame = sys._current_frames().get(self._thread_id)
                if frame is not None:
                    self._stack = _stack_text(frame)


def _stack_text(frame: FrameType | None) -> str:
    """Where, never with what: lines of code, no values.

    Not by ``traceback``, which looks into files and a cache of them that the other thread changes meanwhile.
    """
    lines: list[str] = []
    while frame is not None and len(lines) < MAX_FRAMES:
        code = frame.f_code
        lines.append(f"{'/'.join(Path(code.co_filename).parts[-3:])}:{frame.f_lineno} {code.co_name}")
        frame = frame.f_back
    return "\n".join(reversed(lines))

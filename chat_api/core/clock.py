"""Time: UTC for what is stored, a monotonic clock for what is measured; both replaceable in tests."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Where the time comes from.

    ``now`` gives an aware UTC datetime, ``monotonic_s`` seconds that never go back.
    """

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic_s: Callable[[], float] = time.monotonic


SYSTEM_CLOCK = Clock()
# So much more of one clock than of the other is no drift.
PAUSE_S = 10.0


class PauseWatch:
    """Notices that time went on without us: a laptop slept, a machine was paused, or somebody set its clock.

    The monotonic clock stands still meanwhile. What was last seen before is old then, and nothing is known to be wrong.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = self._apart_s()

    def noticed(self) -> bool:
        """Whether there was a pause since the last call."""
        before, self._last = self._last, self._apart_s()
        return abs(self._last - before) > PAUSE_S

    def _apart_s(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic_s()

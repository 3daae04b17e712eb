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

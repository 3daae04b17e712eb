"""What this process takes of its machine. Source: proc(5), ``/proc/self/statm``."""

import os
import time
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def memory_bytes() -> int:
    """Resident memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES


class CpuUsage:
    """How much of one processor was used between two looks."""

    def __init__(self) -> None:
        self._at_s, self._used_s = time.monotonic(), time.process_time()

    def percent(self) -> float:
        """Since the last call, in percent of one processor."""
        now_s, used_s = time.monotonic(), time.process_time()
        passed_s = now_s - self._at_s
        percent = 100 * (used_s - self._used_s) / passed_s if passed_s > 0 else 0.0
        self._at_s, self._used_s = now_s, used_s
        return percent

"""Times and numbers for people, in the same words as ``assets/js/we-format.js``; a test holds the two together."""

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

MISSING: Final = "–"
_UNITS: Final = ((60, "s"), (60, "min"), (24, "h"), (365, "d"), (math.inf, "y"))
_MIB: Final = 1024 * 1024


def span(seconds: float) -> str:
    """A duration in its largest whole unit: ``40 s``, ``3 min``, ``2 d``."""
    value = max(0.0, seconds)
    for size, unit in _UNITS:
        if value < size:
            return f"{math.floor(value)} {unit}"
        value /= size
    raise AssertionError("the last unit has no end")


def latency(latency_ms: float | None) -> str:
    """A latency with its unit: ``0.4 ms``, ``12 ms``, ``1.25 s``."""
    if latency_ms is None:
        return MISSING
    if latency_ms < 10:
        return f"{fixed(latency_ms, 1)} ms"
    return f"{fixed(latency_ms)} ms" if latency_ms < 1000 else f"{fixed(latency_ms / 1000, 2)} s"


def size(size_bytes: float | None) -> str:
    """Bytes in the binary units that engines use: ``412 MiB``, ``1.3 GiB``."""
    if size_bytes is None:
        return MISSING
    mib = size_bytes / _MIB
    if mib < 1000:
        return f"{fixed(mib, 1 if mib < 10 else 0)} MiB"
    return f"{fixed(mib / 1024, 1)} GiB"


def uptime(share: float | None) -> str:
    """A share as an uptime: as many digits as it takes not to call a failure 100 %."""
    if share is None:
        return MISSING
    if share == 1:
        return "100%"
    percent = math.floor(share * 10_000) / 100
    return f"{fixed(percent, 2 if percent >= 99 else 1)}%"


def failure_rate(share: float | None) -> str:
    """A share as a rate of failures."""
    if share is None:
        return MISSING
    if share == 0:
        return "0%"
    return "<0.1%" if share < 0.001 else f"{fixed(share * 100, 1)}%"


def fixed(value: float, digits: int = 0) -> str:
    """A number with so many digits after its point, rounded as browsers do: a half goes up."""
    return str(Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP))

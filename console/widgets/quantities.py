"""Times and numbers for people, in the same words as ``assets/js/we-format.js``; a test holds the two together."""

import math
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from chat_api.core.language import N_, _, language

MISSING: Final = "–"
_UNITS: Final = ((60, N_("s")), (60, N_("min")), (24, N_("h")), (365, N_("d")), (math.inf, N_("y")))
_MIB: Final = 1024 * 1024
# Where they are not as in English: the marks of thousands and of fractions, and the sign after a percentage.
_NUMERALS: Final = {"de": str.maketrans(",.", ".,")}
_PERCENT: Final = {"de": "\N{NO-BREAK SPACE}%"}


def span(seconds: float) -> str:
    """A duration in its largest whole unit: ``40 s``, ``3 min``, ``2 d``."""
    value = max(0.0, seconds)
    for size, unit in _UNITS:
        if value < size:
            return f"{math.floor(value)} {_(unit)}"
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
        return percent("100")
    value = math.floor(share * 10_000) / 100
    return _signed(fixed(value, 2 if value >= 99 else 1))


def failure_rate(share: float | None) -> str:
    """A share as a rate of failures."""
    if share is None:
        return MISSING
    if share == 0:
        return percent("0")
    return percent("<0.1") if share < 0.001 else _signed(fixed(share * 100, 1))


def fixed(value: float, digits: int = 0) -> str:
    """A number with so many digits after its point, rounded as browsers do: a half goes up."""
    return localized(str(Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)))


def whole(count: int) -> str:
    """A whole number with its thousands apart: ``1,200``."""
    return localized(f"{count:,}")


def percent(number: str) -> str:
    """A number, written as in English, as a percentage: ``99.5%``."""
    return _signed(localized(number))


def localized(number: str) -> str:
    """A number, written as in English, as the current language writes it."""
    return number.translate(_NUMERALS.get(language(), {}))


def _signed(number: str) -> str:
    return number + _PERCENT.get(language(), "%")

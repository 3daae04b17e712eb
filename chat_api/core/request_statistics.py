"""How long requests took lately, by route: counts in geometric buckets, cheap enough for every request."""

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# Each bound is a fifth above the one before, from half a millisecond to a minute: a percentile is within 20 %.
BOUNDS_S = tuple(0.0005 * 1.2**step for step in range(65))
WINDOW_S = 300.0
MAX_ROUTES = 300
OTHERS = "other routes"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteStatistics:
    """One route in the last minutes: requests a second, percentiles in milliseconds, answers of the 500s."""

    route: str
    count: int
    rate_per_s: float
    errors: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(slots=True)
class _Tally:
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    errors: int = 0


class RequestStatistics:
    """Counts since the start, and copies of them from which the last five minutes follow."""

    def __init__(self) -> None:
        self._tallies: dict[str, _Tally] = {}
        self._marks: deque[tuple[float, dict[str, tuple[list[int], int]]]] = deque()

    def record(self, route: str, status: int, duration_s: float) -> None:
        """A request was answered."""
        tally = self._tallies.get(route)
        if tally is None:
            if len(self._tallies) >= MAX_ROUTES:
                route = OTHERS
            tally = self._tallies.setdefault(route, _Tally())
        tally.buckets[bisect_left(BOUNDS_S, duration_s)] += 1
        if status >= 500:
            tally.errors += 1

    def statistics(self, now_s: float) -> tuple[RouteStatistics, ...]:
        """Every route that was asked in the window, the busiest first; called every few seconds."""
        while self._marks and now_s - self._marks[0][0] > WINDOW_S:
            self._marks.popleft()
        began_s, before = self._marks[0] if self._marks else (now_s, {})
        self._marks.append((now_s, {name: (list(t.buckets), t.errors) for name, t in self._tallies.items()}))
        found = [_statistics(name, tally, before, now_s - began_s) for name, tally in self._tallies.items()]
        return tuple(sorted((one for one in found if one.count), key=lambda one: -one.count))


def _statistics(
    name: str, tally: _Tally, before: Mapping[str, tuple[list[int], int]], window_s: float
) -> RouteStatistics:
    buckets, errors = before.get(name, ([0] * len(tally.buckets), 0))
    counts = [now - then for now, then in zip(tally.buckets, buckets, strict=True)]
    count = sum(counts)
    return RouteStatistics(
        route=name,
        count=count,
        rate_per_s=count / window_s if window_s > 0 else 0.0,
        errors=tally.errors - errors,
        p50_ms=percentile_ms(counts, 0.50),
        p95_ms=percentile_ms(counts, 0.95),
        p99_ms=percentile_ms(counts, 0.99),
    )


def percentile_ms(counts: Sequence[int], share: float) -> float | None:
    """The upper bound of the bucket in which a share of all lies, in milliseconds; None when there is nothing."""
    wanted = share * sum(counts)
    if not wanted:
        return None
    seen = 0
    for index, count in enumerate(counts):
        seen += count
        if seen >= wanted:
            return 1000 * BOUNDS_S[min(index, len(BOUNDS_S) - 1)]
    return None

"""Times into the few figures that are shown."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a load measured: answers a second, and the time until an answer.

    ``ack_ms`` and ``ack_p99_ms``: until a message was acknowledged, where the server does that.
    """

    count: int
    per_second: float
    median_ms: float
    p99_ms: float
    ack_ms: float | None = None
    ack_p99_ms: float | None = None


def percentile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` (0 … 1) of ``values`` do not exceed. Raises: ValueError when there are none."""
    if not values:
        raise ValueError("a percentile needs values")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-len(ordered) * share // 1) - 1))]


def load_of(times_s: Sequence[float], *, passed_s: float, acks_s: Sequence[float] = ()) -> Load:
    """The figures of answers that took ``times_s`` each, within ``passed_s``. Raises: ValueError without answers."""
    return Load(
        count=len(times_s),
        per_second=len(times_s) / passed_s,
        median_ms=percentile(times_s, 0.5) * 1000,
        p99_ms=percentile(times_s, 0.99) * 1000,
        ack_ms=percentile(acks_s, 0.5) * 1000 if acks_s else None,
        ack_p99_ms=percentile(acks_s, 0.99) * 1000 if acks_s else None,
    )


def median_load(rounds: Sequence[Load]) -> Load:
    """The median of each figure over several rounds. Raises: StatisticsError without rounds."""

    def acked(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return statistics.median(known) if known else None

    return Load(
        count=sum(load.count for load in rounds),
        per_second=statistics.median(load.per_second for load in rounds),
        median_ms=statistics.median(load.median_ms for load in rounds),
        p99_ms=statistics.median(load.p99_ms for load in rounds),
        ack_ms=acked([load.ack_ms for load in rounds]),
        ack_p99_ms=acked([load.ack_p99_ms for load in rounds]),
    )


def histogram_percentile(counts: Sequence[tuple[float, float]], share: float) -> float:
    """A percentile of a Prometheus histogram, ``(upper bound, cumulative count)`` in order, interpolated in its bucket.

    Returns: the last finite bound when it lies beyond. Raises: ValueError when nothing was observed.
    """
    total = counts[-1][1] if counts else 0.0
    if total <= 0:
        raise ValueError("nothing was observed")
    wanted, below_bound, below_count = total * share, 0.0, 0.0
    for bound, count in counts:
        if count >= wanted:
            if bound == float("inf"):
                return below_bound
            inside = (wanted - below_count) / (count - below_count) if count > below_count else 1.0
            return below_bound + (bound - below_bound) * inside
        below_bound, below_count = bound, count
    return below_bound

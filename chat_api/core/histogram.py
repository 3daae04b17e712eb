"""A histogram that can be merged: fixed buckets whose bounds grow by one factor.

Bucket ``i`` holds values over ``FACTOR ** (i - 1)`` and up to ``FACTOR ** i`` milliseconds, so that a percentile is
wrong by less than one bucket (9 %), whatever was merged: of processes, of minutes, of days.

Source: C. Masson, J. E. Rim, H. K. Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
guarantees" (VLDB 2019); the factor is that of Prometheus' native histograms with schema 3.
"""

import math
from collections.abc import Iterable, Mapping

PER_DOUBLING = 8
FACTOR = 2 ** (1 / PER_DOUBLING)
# From a microsecond to nine hours; what is outside counts in the outermost bucket.
LOWEST, HIGHEST = -10 * PER_DOUBLING, 25 * PER_DOUBLING
_LEAST_MS = 2.0 ** (LOWEST // PER_DOUBLING)


def bucket_of(value_ms: float) -> int:
    """The bucket of one value."""
    if value_ms <= _LEAST_MS:
        return LOWEST
    return min(math.ceil(math.log2(value_ms) * PER_DOUBLING), HIGHEST)


def merge(into: dict[int, int], other: Mapping[int, int]) -> None:
    """Add the counts of one histogram to another."""
    for bucket, count in other.items():
        into[bucket] = into.get(bucket, 0) + count


def quantile(buckets: Mapping[int, int], share: float) -> float | None:
    """The value in milliseconds that a share (0 to 1) of all are at or below, by nearest rank; ``None`` without any.

    Inside its bucket the place is guessed as if the values there were spread evenly on the bucket's own scale.
    """
    total = sum(buckets.values())
    if not total:
        return None
    rank, before = max(1, math.ceil(share * total)), 0
    for bucket in sorted(buckets):
        count = buckets[bucket]
        if before + count >= rank:
            return float(FACTOR ** (bucket - 1 + (rank - before) / count))
        before += count
    raise AssertionError("unreachable: the rank is at most the total")


def percentiles(buckets: Mapping[int, int]) -> tuple[float | None, float | None, float | None]:
    """The 50th, 95th and 99th percentile in milliseconds."""
    return quantile(buckets, 0.5), quantile(buckets, 0.95), quantile(buckets, 0.99)


def from_pairs(buckets: Iterable[int], counts: Iterable[int]) -> dict[int, int]:
    """A histogram from its two columns."""
    return dict(zip(buckets, counts, strict=True))

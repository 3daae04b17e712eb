"""The histogram: percentiles of whatever was merged are right within one bucket."""

import math

from hypothesis import given
from hypothesis import strategies as st

from chat_api.core.histogram import FACTOR, HIGHEST, LOWEST, bucket_of, merge, quantile

TIMES_MS = st.floats(min_value=0.002, max_value=3_600_000)
PARTS = st.lists(st.lists(TIMES_MS, max_size=30), min_size=1, max_size=8).filter(any)


@given(parts=PARTS, share=st.sampled_from([0.5, 0.95, 0.99]))
def test_a_merged_percentile_is_within_one_bucket_of_the_exact_one(parts: list[list[float]], share: float) -> None:
    """However values are spread over processes and minutes; exact is the value of that rank among all of them."""
    merged: dict[int, int] = {}
    for part in parts:
        counted: dict[int, int] = {}
        for value in part:
            merge(counted, {bucket_of(value): 1})
        merge(merged, counted)
    ordered = sorted(value for part in parts for value in part)
    exact = ordered[max(1, math.ceil(share * len(ordered))) - 1]
    found = quantile(merged, share)
    assert found is not None
    assert exact / FACTOR * (1 - 1e-9) <= found <= exact * FACTOR * (1 + 1e-9)


def test_what_is_outside_counts_in_the_outermost_bucket() -> None:
    """Nothing, less than nothing and a week of waiting are counted all the same."""
    assert (bucket_of(0.0), bucket_of(-1.0), bucket_of(7 * 86_400_000.0)) == (LOWEST, LOWEST, HIGHEST)
    assert quantile({}, 0.5) is None


def test_numbers_beyond_32_bits_are_counted() -> None:
    """A year of a busy fleet."""
    big = 2**40
    assert quantile({0: big, 80: big // 50}, 0.95) is not None
    merged = {0: big}
    merge(merged, {0: big})
    assert merged == {0: 2 * big}

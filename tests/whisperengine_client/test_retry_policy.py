"""Waiting: longer and longer, apart from each other, and never faster than allowed."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from whisperengine_client import RetryPolicy
from whisperengine_client.retry_policy import RateLimiter, at_least


def test_waits_double_up_to_the_most() -> None:
    """Each is a random part, at least half, of one that doubles."""
    waits = list(itertools.islice(RetryPolicy(first_s=1, most_s=8).waits(), 6))
    assert all(full / 2 <= wait <= full for wait, full in zip(waits, [1, 2, 4, 8, 8, 8], strict=True))


def test_clients_come_back_apart() -> None:
    """Not two of a hundred wait equally long."""
    assert len({next(RetryPolicy().waits()) for _ in range(100)}) == 100


def test_the_servers_wish_counts() -> None:
    """Never earlier than Retry-After, nor than one's own wait."""
    assert at_least(None, 2) == 2
    assert at_least(1, 2) == 2
    assert 5 <= at_least(5, 2) <= 5.5


@settings(deadline=None)
@given(per_s=st.integers(10, 200), pauses=st.lists(st.floats(0, 0.2), min_size=1, max_size=200))
def test_no_second_has_more_than_allowed(per_s: int, pauses: list[float]) -> None:
    """However they come, whichever second one looks at."""
    limiter, now, sent = RateLimiter(per_s), 1000.0, []
    for pause in [*pauses, *[0.0] * (2 * per_s)]:
        now += pause
        now += limiter.wait_s(now)
        sent.append(now)
    assert all(later - first >= 1 for first, later in zip(sent, sent[per_s:], strict=False))

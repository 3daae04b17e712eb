"""How long to wait: before the next attempt, in all, and between two frames."""

import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Seconds before the second attempt and at most between two, and for all attempts of one call together.

    A stream that was connected once comes back without an end.
    """

    first_s: float = 0.5
    most_s: float = 30.0
    total_s: float = 120.0

    def waits(self) -> Iterator[float]:
        """Waits that double, each a random part of itself: clients that were cut together come back apart."""
        wait_s = self.first_s
        while True:
            yield wait_s * random.uniform(0.5, 1)
            wait_s = min(2 * wait_s, self.most_s)


def at_least(retry_after_s: float | None, wait_s: float) -> float:
    """The wait, or what the server asks for and a little more, so that not all come in the same instant."""
    return wait_s if retry_after_s is None else max(wait_s, retry_after_s * random.uniform(1.0, 1.1))


class RateLimiter:
    """At most ``per_s`` in any second, evenly after a short burst. Source: ITU-T I.371, generic cell rate algorithm."""

    def __init__(self, per_s: float) -> None:
        self._gap_s = 1 / (0.9 * per_s)
        self._burst_s = 0.08 / 0.9  # so many seconds' worth may come at once
        self._due_s = float("-inf")

    def wait_s(self, now_s: float) -> float:
        """Seconds that the next one has to wait; it counts as done then."""
        self._due_s = max(self._due_s, now_s)
        wait_s = max(0.0, self._due_s - now_s - self._burst_s)
        self._due_s += self._gap_s
        return wait_s

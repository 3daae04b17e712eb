"""Contestants that take turns, so that a busy moment of the machine meets all of them."""

import statistics
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bench.figures import Load

Turn = Callable[[], Awaitable[Load]]


async def alternate(contestants: Mapping[str, Turn], *, rounds: int) -> dict[str, list[Load]]:
    """Let each contestant measure once in each round; the next round goes the other way round."""
    results: dict[str, list[Load]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name in list(contestants)[:: 1 if number % 2 == 0 else -1]:
            results[name].append(await contestants[name]())
    return results


def rate_ratio(ours: Sequence[Load], theirs: Sequence[Load]) -> float:
    """How many times their answers a second ours are: the median over the rounds."""
    return statistics.median(our.per_second / their.per_second for our, their in zip(ours, theirs, strict=True))

"""Group commit: what waits together is stored together, and one that is bad spoils nothing for the others."""

import asyncio
from collections.abc import Sequence

import pytest

from chat_api.core import group_commit
from chat_api.core.errors import DatabaseUnavailable, Unavailable
from chat_api.core.group_commit import GroupCommit


class Store:
    """Stores numbers, slowly while ``gate`` is closed; -1 is refused, -2 means that the store is away."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.failed: list[int] = []
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.commits: GroupCommit[int, int] = GroupCommit(self._commit, on_failed=self.failed.append)

    async def _commit(self, items: Sequence[int]) -> list[int]:
        self.begun.set()
        await self.gate.wait()
        if -2 in items:
            raise DatabaseUnavailable
        if -1 in items:
            raise ValueError("refused")
        self.batches.append(list(items))
        return [item * 10 for item in items]


async def test_each_caller_gets_its_own_result_from_one_batch() -> None:
    """What is submitted while a batch is under way goes together in the next one, in order."""
    store = Store()
    store.gate.clear()
    first = asyncio.create_task(store.commits.submit(1))
    await store.begun.wait()
    rest = [asyncio.create_task(store.commits.submit(number)) for number in range(2, 7)]
    await asyncio.sleep(0)
    store.gate.set()
    assert await asyncio.gather(first, *rest) == [10, 20, 30, 40, 50, 60]
    assert store.batches == [[1], [2, 3, 4, 5, 6]]


async def test_one_bad_item_fails_alone() -> None:
    """The batch is refused as a whole, and then stored one by one."""
    store = Store()
    outcomes = await asyncio.gather(*map(store.commits.submit, (1, -1, 3)), return_exceptions=True)
    assert outcomes[0] == 10
    assert isinstance(outcomes[1], ValueError)
    assert outcomes[2] == 30
    assert store.failed == [-1]


async def test_a_store_that_is_away_is_not_asked_for_each() -> None:
    """Everybody is told at once, and the next batch is tried anew."""
    store = Store()
    outcomes = await asyncio.gather(*map(store.commits.submit, (1, -2, 3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DatabaseUnavailable] * 3
    assert store.failed == [1, -2, 3]
    assert await store.commits.submit(4) == 40


async def test_a_caller_that_leaves_takes_nothing_back() -> None:
    """What was submitted is stored, and nobody is told that it failed."""
    store = Store()
    store.gate.clear()
    leaving = asyncio.create_task(store.commits.submit(1))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    store.gate.set()
    await store.commits.close()
    assert store.batches == [[1]]
    assert store.failed == []


async def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound a caller is refused at once, and told so once."""
    monkeypatch.setattr(group_commit, "MAX_WAITING", 2)
    store = Store()
    outcomes = await asyncio.gather(*map(store.commits.submit, (1, 2, 3)), return_exceptions=True)
    assert outcomes[:2] == [10, 20]
    assert isinstance(outcomes[2], Unavailable)
    assert store.failed == [3]


async def test_batches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood is stored in pieces that the database swallows."""
    monkeypatch.setattr(group_commit, "MAX_BATCH", 4)
    store = Store()
    assert await asyncio.gather(*map(store.commits.submit, range(10))) == [number * 10 for number in range(10)]
    assert [len(batch) for batch in store.batches] == [4, 4, 2]

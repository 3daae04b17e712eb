"""Bulkheads: what each bot may have, and what is left for the others."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chat_api.bots.bulkhead import Bulkhead, SharedSlots
from chat_api.core.errors import BotBusy
from tests.support.eventually import eventually

LONG_S = 20.0


def bulkheads(count: int, *, total: int, slots: int) -> tuple[SharedSlots, list[Bulkhead]]:
    """So many bots, with as many places to wait as they have slots."""
    shared = SharedSlots(total, per_bot=slots)
    return shared, [Bulkhead(shared, slots=slots, max_waiting=slots) for _ in range(count)]


async def fill(bulkhead: Bulkhead) -> int:
    """Take slots that nobody gives back, until none is to be had; returns how many."""
    taken = 0
    while bulkhead.may_enter:
        await bulkhead.enter(wait_s=LONG_S)
        taken += 1
    return taken


async def test_one_bot_alone_gets_all_its_slots() -> None:
    """Whatever is reserved, it is not taken from what one bot may have."""
    for total, slots in ((100, 20), (100, 100), (2, 2), (1, 1), (10, 20)):
        _, (bulkhead,) = bulkheads(1, total=total, slots=slots)
        assert await fill(bulkhead) == min(total, slots)
        with pytest.raises(BotBusy):
            await bulkhead.enter(wait_s=0.01)
        assert bulkhead.waiting == 0


async def test_bots_that_hang_leave_something_for_the_others() -> None:
    """With the default limits: five hang with every slot they can get, and a sixth and a seventh still get several."""
    _, bots = bulkheads(7, total=100, slots=20)
    held = [await fill(bulkhead) for bulkhead in bots]
    assert held[:4] == [20] * 4
    assert min(held) >= 2
    assert sum(held) <= 100


async def test_however_many_hang_the_next_gets_a_slot() -> None:
    """Each takes at most half of what is left."""
    shared, bots = bulkheads(9, total=100, slots=20)
    for bulkhead in bots:
        assert await fill(bulkhead) >= 1
    assert shared.free >= 0


@asynccontextmanager
async def waiting(bulkhead: Bulkhead, count: int) -> AsyncIterator[list[asyncio.Task[None]]]:
    """So many who wait for a slot, each by itself; cancelled at the end."""
    before = bulkhead.waiting
    tasks = [asyncio.ensure_future(bulkhead.enter(wait_s=LONG_S)) for _ in range(count)]
    try:
        await eventually(lambda: bulkhead.waiting == before + count)
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_who_waits_is_served_in_order_and_bots_in_turn() -> None:
    """A slot that becomes free goes to the first of the bot whose turn it is."""
    _, (full, one, other) = bulkheads(3, total=3, slots=3)
    await fill(full)
    async with waiting(one, 2) as ones, waiting(other, 2) as others:
        for number, expected in enumerate((ones[0], others[0], ones[1]), start=1):
            full.leave()
            await asyncio.wait([expected], timeout=LONG_S)
            assert [task.done() for task in (*ones, *others)].count(True) == number
        assert (one.in_flight, other.in_flight, one.waiting, other.waiting) == (2, 1, 0, 1)


async def test_the_queue_is_bounded() -> None:
    """Who comes when it is full is told at once."""
    _, (bulkhead,) = bulkheads(1, total=2, slots=2)
    await fill(bulkhead)
    async with waiting(bulkhead, 2):
        with pytest.raises(BotBusy) as caught:
            await bulkhead.enter(wait_s=0.5)
        assert caught.value.retry_after_s
        assert caught.value.detail == "the queue for a slot is full"
        bulkhead.leave()


async def test_no_slot_is_lost_or_doubled() -> None:
    """Callers who give up at any moment, also the one at which their slot comes; in the end everything is free."""
    dice = random.Random(7)
    shared, bots = bulkheads(4, total=6, slots=3)
    most = 0

    async def call(bulkhead: Bulkhead) -> None:
        nonlocal most
        try:
            await bulkhead.enter(wait_s=dice.choice([0.0, 0.001, LONG_S]))
        except BotBusy:
            return
        most = max(most, bulkhead.in_flight)
        try:
            await asyncio.sleep(dice.choice([0, 0, 0.001]))
        finally:
            bulkhead.leave()

    for _ in range(200):
        calls = [asyncio.ensure_future(call(dice.choice(bots))) for _ in range(20)]
        for _ in range(dice.randrange(4)):
            await asyncio.sleep(0)
        for task in dice.sample(calls, 8):
            task.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert shared.free == 6
        assert all(bulkhead.in_flight == bulkhead.waiting == 0 for bulkhead in bots)
    assert most == 3


async def test_a_slot_that_comes_as_the_caller_leaves_is_passed_on() -> None:
    """To the next who waits."""
    _, (bulkhead,) = bulkheads(1, total=1, slots=1)
    await fill(bulkhead)
    first = asyncio.ensure_future(bulkhead.enter(wait_s=LONG_S))
    await eventually(lambda: bulkhead.waiting == 1)
    bulkhead.leave()  # grants it to the first, who does not know yet
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await bulkhead.enter(wait_s=LONG_S)
    assert bulkhead.in_flight == 1

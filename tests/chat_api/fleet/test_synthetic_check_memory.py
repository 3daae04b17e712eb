"""What a v2 bot remembers of a check is erased through the bot, and two bots are never asked at one moment."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from chat_api.fleet.synthetic_check_memory import NOT_ERASED, NOT_OFFERED
from chat_api.fleet.synthetic_checks import MIN_GAP_S, USER_ID, SyntheticChecksService
from tests.support.sample_bots import RunningBot, sample_bot
from tests.support.still_fleet import StillFleet, still_fleet


@pytest.fixture
async def ryan() -> AsyncIterator[RunningBot]:
    """A bot of the second generation."""
    async with sample_bot("ryan", contract="v2") as bot:
        yield bot


@pytest.fixture
async def still(tmp_path: Path, ryan: RunningBot) -> AsyncIterator[StillFleet]:
    """Ryan, and marcus, who is not there."""
    fleet = await still_fleet(tmp_path, ryan, "marcus")
    await fleet.connector.initialize()
    fleet.probe("ryan", contract="v2")
    yield fleet
    await fleet.connector.cleanup()


async def memory_count(bot: RunningBot) -> int:
    """What the bot remembers of the checks' user."""
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{bot.url}/api/user-state", json={"user_id": USER_ID}) as answer,
    ):
        return int((await answer.json())["memory_count"])


async def test_a_check_leaves_no_memory(still: StillFleet, ryan: RunningBot) -> None:
    """Whether it went well or not; that the bot could not erase it is a note, and no fault of its."""
    checks = SyntheticChecksService(still.registry, still.fleet, still.connector)
    seen = await checks.ask("ryan")
    assert (seen.is_answered, seen.memory_note) == (True, None)
    assert len(await ryan.calls()) == 1
    assert await memory_count(ryan) == 0
    await ryan.set_faults(erasure="nothing")
    seen = await checks.ask("ryan")
    assert (seen.is_answered, seen.memory_note) == (True, NOT_ERASED)
    assert still.fleet.current().bots[1].synthetic_check == seen
    assert not still.fleet.current().bots[1].reasons
    assert await memory_count(ryan) == 1


async def test_the_first_generation_cannot_erase(tmp_path: Path, elena: RunningBot) -> None:
    """Nobody asks it to, and nothing is said of it."""
    still = await still_fleet(tmp_path, elena)
    await still.connector.initialize()
    try:
        seen = await SyntheticChecksService(still.registry, still.fleet, still.connector).ask("elena")
        assert (seen.is_answered, seen.memory_note) == (True, None)
        assert NOT_OFFERED not in {seen.error, seen.memory_note}
    finally:
        await still.connector.cleanup()


async def test_no_two_checks_at_one_moment(still: StillFleet) -> None:
    """Whoever asks for them: v2 drops a message whose name, the millisecond, is taken."""
    checks = SyntheticChecksService(still.registry, still.fleet, still.connector)
    seen = await asyncio.gather(*(checks.ask(name) for name in ("ryan", "marcus", "ryan", "marcus")))
    times = sorted(one.checked_at for one in seen)
    gaps_s = [(later - sooner).total_seconds() for sooner, later in itertools.pairwise(times)]
    assert min(gaps_s) > 0.8 * MIN_GAP_S


async def test_every_question_is_another(still: StillFleet, ryan: RunningBot) -> None:
    """So that a bot that says the same to everything shows it."""
    checks = SyntheticChecksService(still.registry, still.fleet, still.connector)
    for _ in range(3):
        await checks.ask("ryan")
    assert len({call.message for call in await ryan.calls()}) == 3

"""Real bots for the whole test session; each test finds them well, and whoever shares them finds them so again."""

from collections.abc import AsyncIterator

import pytest

from tests.support.sample_bots import RunningBot, sample_bot


@pytest.fixture(scope="session")
async def elena_process() -> AsyncIterator[RunningBot]:
    """elena, speaking the first contract, on every address of this machine: she can stand for many bots."""
    async with sample_bot("elena", host="0.0.0.0") as bot:
        yield bot


@pytest.fixture(scope="session")
async def marcus_process() -> AsyncIterator[RunningBot]:
    """marcus, speaking the second contract."""
    async with sample_bot("marcus", contract="v2") as bot:
        yield bot


@pytest.fixture(scope="session")
async def jake_process() -> AsyncIterator[RunningBot]:
    """jake, who says his answers word by word."""
    async with sample_bot("jake", stream=True) as bot:
        yield bot


@pytest.fixture
async def elena(elena_process: RunningBot) -> AsyncIterator[RunningBot]:
    """elena, well before the test and after it, whatever it does to her."""
    yield await _well(elena_process)
    await _well(elena_process)


@pytest.fixture
async def marcus(marcus_process: RunningBot) -> AsyncIterator[RunningBot]:
    """marcus, well before the test and after it, whatever it does to him."""
    yield await _well(marcus_process)
    await _well(marcus_process)


@pytest.fixture
async def jake(jake_process: RunningBot) -> AsyncIterator[RunningBot]:
    """jake, well before the test and after it, whatever it does to him."""
    yield await _well(jake_process)
    await _well(jake_process)


async def _well(bot: RunningBot) -> RunningBot:
    if not bot.is_alive:
        await bot.start()
    await bot.set_faults(
        mode="ok",
        scope="chat",
        is_held=False,
        is_graph_away=False,
        erasure="ok",
        hold_after=0,
        delay_ms=0,
        piece_delay_ms=0,
        failure_rate=0,
        hang_rate=0,
        babble_rate=0,
    )
    return bot

"""One bot of each generation for all tests here; each test speaks as a user of its own."""

import itertools
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.support.eventually import DEADLINE_S
from tests.support.sample_bots import RunningBot, sample_bot

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
async def v1_bot() -> AsyncIterator[RunningBot]:
    """Elena, first generation, with streaming."""
    async with sample_bot("elena", stream=True, seed=1) as bot:
        yield bot


@pytest.fixture(scope="session")
async def v2_bot() -> AsyncIterator[RunningBot]:
    """Dream, second generation, in a time zone that is not UTC."""
    async with sample_bot("dream", contract="v2", seed=1, env={"TZ": "Asia/Kathmandu"}) as bot:
        yield bot


@pytest.fixture(scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that gives up late, so that a hang shows as a failure of the test."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE_S)) as session:
        yield session


@pytest.fixture
def user_id() -> str:
    """A user whom no bot has met."""
    return f"weu_{next(_numbers):016x}"

"""A connector with a clock of the test's own and a record of what it observed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from chat_api.bots.connector import BotConnector
from chat_api.core.clock import Clock
from chat_api.core.settings import Settings


@dataclass(slots=True)
class Ticking:
    """A monotonic clock that stands until it is moved."""

    now_s: float = 1000.0
    observed: list[tuple[str, str]] = field(default_factory=list)

    @property
    def clock(self) -> Clock:
        """The clock for the code under test."""
        return Clock(monotonic_s=lambda: self.now_s)


@pytest.fixture
def ticking() -> Ticking:
    """A fresh clock."""
    return Ticking()


@pytest.fixture
async def connector(ticking: Ticking) -> AsyncIterator[BotConnector]:
    """Small limits, so that tests reach them."""
    settings = Settings(bot_max_answer_bytes=100_000, bot_max_parallel_calls=3, bot_api_timeout=60)
    connector = BotConnector(
        settings, clock=ticking.clock, on_call=lambda name, outcome, _: ticking.observed.append((name, outcome))
    )
    await connector.initialize()
    yield connector
    await connector.cleanup()

"""A scripted server, and a client of it that does not wait long."""

from collections.abc import AsyncIterator

import pytest

from tests.whisperengine_client.scripted import ScriptedServer, scripted_server
from whisperengine_client import ChatClient, RetryPolicy

QUICK = RetryPolicy(first_s=0.01, most_s=0.05, total_s=20.0)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    """A server that does as it is told."""
    async with scripted_server() as running_one:
        yield running_one


@pytest.fixture
async def client(server: ScriptedServer) -> AsyncIterator[ChatClient]:
    """A client of it."""
    async with ChatClient(server.url, token="t", retry_policy=QUICK, trust_env=False) as one:
        yield one

"""Crowds and strangers: far more connections than there is room for, and thousands of paths that lead nowhere."""

import asyncio
import contextlib
import gc
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from chat_api.messages.socket_connection import CloseCode
from chat_api.messages.socket_manager import WebSocketManager
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import DEADLINE_S, eventually
from tests.support.sample_bots import RunningBot
from tests.support.v2_socket import frames_until, say, until_seq, v2_socket

ROOM = 20
CROWD = 200
PER_USER = 4
ROUNDS = 5
PATHS = 3000
CONNECTIONS = 4
# Of client and server together, which share the test's process: ten times what is measured, and less than what it
# takes to keep a metric of each path (13 MB).
MAX_GROWTH_BYTES = 8_000_000


async def test_a_crowd_is_refused_and_users_are_served(make_settings: MakeSettings, elena: RunningBot) -> None:
    """Two hundred at once, room for twenty: those that fit stay, the rest are told, and who was there talks on."""
    async with running_api(make_settings(bots=(elena,), max_concurrent_connections=ROOM)) as api:
        manager: WebSocketManager = api.app.state.websockets
        tokens = [(await api.services.auth.login(f"user{number}")).token for number in range(CROWD // PER_USER)]
        async with v2_socket(api, await api.login()) as tab:
            is_over = asyncio.Event()
            async with talking(tab):
                crowd = [
                    asyncio.create_task(visit(api, token, f"tab {number}", is_over))
                    for token in tokens
                    for number in range(PER_USER)
                ]
                await eventually(lambda: sum(task.done() for task in crowd) == CROWD - (ROOM - 1))
                assert manager.connection_count == ROOM
            await say(tab, "still there")
            assert [frame["type"] for frame in await until_seq(tab, 2 * ROUNDS + 2)] == ["ack", "message"]
            is_over.set()
            ends = Counter(await asyncio.gather(*crowd))
            assert ends == {CloseCode.TOO_MANY_CONNECTIONS: CROWD - (ROOM - 1), None: ROOM - 1}
            await eventually(lambda: manager.connection_count == 1)  # and there is room again


async def visit(api: RunningApi, token: str, client_id: str, is_over: asyncio.Event) -> int | None:
    """Come in and stay until it is over; with which code one was sent away for good, if one was."""
    while True:
        async with connect(api.ws_url + token, proxy=None, open_timeout=DEADLINE_S) as socket:
            with contextlib.suppress(ConnectionClosed):
                await socket.send(json.dumps({"type": "hello", "v": 2, "client_id": client_id}))
                await frames_until(socket, "welcome")
                await is_over.wait()
                return None
        if socket.close_code != CloseCode.SHUTTING_DOWN:  # which says to come back: the database was too busy to ask
            return socket.close_code


async def test_unknown_paths_cost_nothing_that_stays(make_settings: MakeSettings, elena: RunningBot) -> None:
    """Thousands over few connections: each is not found, nothing is kept of them, and a user talks meanwhile."""
    async with running_api(make_settings(bots=(elena,))) as api, v2_socket(api, await api.login()) as tab:
        connector = aiohttp.TCPConnector(limit=CONNECTIONS)
        async with aiohttp.ClientSession(api.url, connector=connector) as strangers:
            await stray(strangers, "warm", count=PATHS // 10)
            before_metrics = len(api.app.state.metrics.render())
            before_bytes = memory_bytes()
            async with talking(tab):
                assert await stray(strangers, "path", count=PATHS) == {404: PATHS}
            assert memory_bytes() - before_bytes < MAX_GROWTH_BYTES
            assert len(api.app.state.metrics.render()) < 2 * before_metrics


async def stray(strangers: aiohttp.ClientSession, name: str, *, count: int) -> Counter[int]:
    """Ask for so many paths that lead nowhere; how often each status came back."""

    async def ask(numbers: range) -> list[int]:
        statuses = []
        for number in numbers:
            async with strangers.get(f"/{name}/{number}/{'x' * 500}") as answer:
                statuses.append(answer.status)
                assert len(await answer.read()) < 1000
        return statuses

    lines = await asyncio.gather(*(ask(range(first, count, CONNECTIONS)) for first in range(CONNECTIONS)))
    return Counter(status for line in lines for status in line)


@asynccontextmanager
async def talking(tab: ClientConnection) -> AsyncIterator[None]:
    """While the block runs somebody talks, and in the end has been acknowledged and answered each time, in order."""
    await frames_until(tab, "welcome")

    async def talk() -> list[str]:
        kinds = []
        for number in range(ROUNDS):
            await say(tab, f"message {number}")
            kinds += [frame["type"] for frame in await until_seq(tab, 2 * number + 2)]
        return kinds

    task = asyncio.create_task(talk())
    try:
        yield
        assert await task == ["ack", "message"] * ROUNDS
    finally:
        task.cancel()


def memory_bytes() -> int:
    """What this process holds."""
    gc.collect()
    return psutil.Process().memory_info().rss

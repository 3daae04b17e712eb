"""One reader among two hundred stalls: only it is closed, and the others miss and wait for nothing."""

import asyncio
from contextlib import AsyncExitStack

import psutil
from websockets.asyncio.client import ClientConnection

from chat_api.messages.socket_connection import MAX_QUEUED_BYTES, MAX_QUEUED_FRAMES
from chat_api.messages.socket_manager import WebSocketManager
from tests.support.api import MakeSettings, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot
from tests.support.stalled_socket import stalled
from tests.support.v2_socket import frames_until, say, until_seq, v2_socket

HELLO = b'{"type": "hello", "v": 2, "client_id": "stalled"}'
OTHERS = 199
ROUNDS = 3
FRAME_BYTES = 50_000
OFFERED_BYTES = 100 * MAX_QUEUED_BYTES


async def test_a_stalled_reader_costs_the_others_nothing(make_settings: MakeSettings, elena: RunningBot) -> None:
    """While one takes nothing of a hundred megabytes, everybody else talks on; then it alone is closed as too slow."""
    async with (
        running_api(make_settings(bots=(elena,), bot_max_parallel_calls=OTHERS, connection_pool_size=OTHERS)) as api,
        AsyncExitStack() as stack,
    ):
        manager: WebSocketManager = api.app.state.websockets
        tokens = [(await api.services.auth.login(f"user{number}")).token for number in range(OTHERS + 1)]
        stalled_token, *other_tokens = tokens
        tabs = [await stack.enter_async_context(v2_socket(api, token)) for token in other_tokens]
        await stack.enter_async_context(stalled(api, stalled_token, hello=HELLO))
        await eventually(lambda: manager.connection_count == OTHERS + 1)
        user_id = (await api.services.auth.authenticate(stalled_token)).user_id
        (connection,) = [one for one in manager._by_websocket.values() if one.user_id == user_id]
        before_bytes = psutil.Process().memory_info().rss

        async def flood() -> int:
            """Offer the stalled one more and more until it is let go; how much that was, in bytes."""
            frame = {"type": "error", "message": "x" * FRAME_BYTES}
            for offered in range(0, OFFERED_BYTES, FRAME_BYTES):
                if not await manager.send_to_user(user_id, frame):
                    return offered
                assert connection._queued_bytes <= MAX_QUEUED_BYTES
                assert len(connection._frames) <= MAX_QUEUED_FRAMES
                await asyncio.sleep(0.001)  # the kernel takes much before it takes no more
            raise AssertionError("a queue without bounds")

        flooding = asyncio.create_task(flood())
        await asyncio.gather(*(talk(tab) for tab in tabs))
        assert await flooding < OFFERED_BYTES
        await eventually(lambda: manager.connection_count == OTHERS)
        assert {one.close_code for one in manager._by_websocket.values()} == {None}
        assert b'websocket_closed_total{code="4008"} 1.0' in api.app.state.metrics.render()
        grown_bytes = psutil.Process().memory_info().rss - before_bytes
        assert grown_bytes < OFFERED_BYTES / 2
        await asyncio.gather(*(talk(tab, number=ROUNDS) for tab in tabs))  # and they still do


async def talk(tab: ClientConnection, *, number: int | None = None) -> None:
    """Say something several times, and be acknowledged and answered each time, in order."""
    if number is None:
        await frames_until(tab, "welcome")
    for round_number in range(ROUNDS) if number is None else [number]:
        await say(tab, f"message {round_number}")
        frames = await until_seq(tab, 2 * round_number + 2)
        assert [frame["type"] for frame in frames] == ["ack", "message"]

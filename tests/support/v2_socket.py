"""One WebSocket that has said hello, for tests that look at single frames."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.api import RunningApi
from tests.support.eventually import DEADLINE_S

Frame = dict[str, Any]


@asynccontextmanager
async def v2_socket(
    api: RunningApi, token: str, *, client_id: str = "tab", since: Frame | None = None
) -> AsyncIterator[ClientConnection]:
    """Connect and say hello; ``since`` is ``{"epoch", "seq"}``."""
    hello = {"type": "hello", "v": 2, "client_id": client_id} | ({"since": since} if since else {})
    async with connect(api.ws_url + token, proxy=None, max_size=None) as socket:
        await socket.send(json.dumps(hello))
        yield socket


async def say(socket: ClientConnection, content: str, *, bot_name: str = "elena", key: str | None = None) -> None:
    """Send a message."""
    data = {"content": content, "bot_name": bot_name, "client_msg_id": key or content}
    await socket.send(json.dumps({"type": "message", "data": data}))


async def frames_until(socket: ClientConnection, *kinds: str) -> list[Frame]:
    """Every frame up to and including the first of one of these types. Raises: ConnectionClosed, TimeoutError."""
    frames: list[Frame] = []
    async with asyncio.timeout(DEADLINE_S):
        while not frames or frames[-1]["type"] not in kinds:
            frames.append(json.loads(await socket.recv()))
    return frames


async def until_seq(socket: ClientConnection, seq: int) -> list[Frame]:
    """Every durable frame up to and including a place in the stream."""
    frames: list[Frame] = []
    async with asyncio.timeout(DEADLINE_S):
        while not frames or frames[-1]["seq"] < seq:
            frame = json.loads(await socket.recv())
            if "seq" in frame and frame["type"] not in {"welcome", "resumed"}:
                frames.append(frame)
    return frames


async def close_code(socket: ClientConnection) -> int | None:
    """Read to the end, and say how it ended."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                await socket.recv()
    except ConnectionClosed:
        return socket.close_code

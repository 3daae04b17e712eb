"""One connection: nobody waits for a peer that is gone."""

import asyncio
from typing import Any, cast

from starlette.websockets import WebSocket

from chat_api.messages.socket_connection import MAX_QUEUED_FRAMES, Connection
from tests.support.eventually import DEADLINE_S


class _Leaving:
    """A peer that takes one frame, reads nothing more, and then is gone."""

    def __init__(self) -> None:
        self.has_left = asyncio.Event()

    async def send(self, _: dict[str, Any]) -> None:
        await self.has_left.wait()
        raise OSError("gone")


async def test_a_replay_ends_when_its_peer_has_gone() -> None:
    """Who waits for room in the queue of a peer that goes is let go, too."""
    peer = _Leaving()
    connection = Connection(cast(WebSocket, peer), "alice", None, turn=0, max_frames_per_s=50)
    connection.start()

    async def replay() -> bool:
        return all([await connection.offer_patiently("{}") for _ in range(MAX_QUEUED_FRAMES)])

    replaying = asyncio.create_task(replay())
    async with asyncio.timeout(DEADLINE_S):
        while connection._room is None:  # noqa: ASYNC110  it has not begun to wait
            await asyncio.sleep(0)
        peer.has_left.set()
        assert await replaying is False
    await connection.finish()

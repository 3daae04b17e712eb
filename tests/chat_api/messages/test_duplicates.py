"""Two tabs send the same message at the same moment: one row, one call of the bot, and all tabs see the same."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest
from websockets.asyncio.client import ClientConnection

from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import DEADLINE_S, eventually
from tests.support.sample_bots import RunningBot
from tests.support.v2_socket import Frame, frames_until, say, v2_socket
from tests.support.v2_tab import seen_of

MESSAGES = 10


@pytest.fixture
async def other(make_settings: MakeSettings, api: RunningApi, elena: RunningBot) -> AsyncIterator[RunningApi]:
    """A second process over the same database and Redis."""
    async with running_api(make_settings(bots=(elena,))) as second:
        await eventually(lambda: api.services.feeds.is_live and second.services.feeds.is_live)
        yield second


@pytest.mark.parametrize("is_apart", [False, True], ids=["one process", "two processes"])
async def test_twins_are_one_message(
    api: RunningApi, other: RunningApi, elena: RunningBot, database_url: str, is_apart: bool
) -> None:
    """One tab's is stored and the other's is known; both of them, and one that looks on at each, are told the same."""
    token = await api.login()
    calls = len(await elena.calls())
    doors = [api, other if is_apart else api, api, other]
    async with AsyncExitStack() as stack:
        tabs = [
            await stack.enter_async_context(v2_socket(door, token, client_id=f"tab {number}"))
            for number, door in enumerate(doors)
        ]
        for tab in tabs:
            await frames_until(tab, "welcome")
        senders = tabs[:2]
        listening = [asyncio.create_task(payload(tab, acks=MESSAGES if tab in senders else 0)) for tab in tabs]
        await asyncio.gather(*(say(tab, f"message {number}") for number in range(MESSAGES) for tab in senders))
        frames = await asyncio.gather(*listening)
    streams = [[seen for frame in of_tab if (seen := seen_of(frame))] for of_tab in frames]
    positions = [[(seen.seq, seen.kind, seen.message_id) for seen in stream] for stream in streams]
    assert [seq for seq, _, _ in positions[0]] == list(range(1, 2 * MESSAGES + 1))
    assert all(of_tab == positions[0] for of_tab in positions)
    acks: dict[str, list[Frame]] = {}
    for frame in (frame for of_tab in frames for frame in of_tab if frame["type"] == "ack"):
        acks.setdefault(frame["client_msg_id"], []).append(frame)
    assert len(acks) == MESSAGES
    for twins in acks.values():
        assert sorted(ack["status"] for ack in twins) == ["duplicate", "stored"]
        assert len({ack["message_id"] for ack in twins}) == 1
    assert len(await elena.calls()) == calls + MESSAGES
    sql = await asyncpg.connect(database_url)
    try:
        assert await sql.fetchval("SELECT count(*) FROM web_conversations") == MESSAGES
    finally:
        await sql.close()


async def payload(tab: ClientConnection, *, acks: int) -> list[Frame]:
    """Every frame of the stream up to the last answer, and at least so many acknowledgements; no error among them."""
    frames: list[Frame] = []
    async with asyncio.timeout(DEADLINE_S):
        while (
            max((frame["seq"] for frame in frames), default=0) < 2 * MESSAGES
            or sum(frame["type"] == "ack" for frame in frames) < acks
        ):
            frame = json.loads(await tab.recv())
            assert frame["type"] != "error", frame
            if "seq" in frame:
                frames.append(frame)
    return frames

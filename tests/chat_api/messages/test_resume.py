"""Tabs that come back, to this process or to another one: nothing is missed, twice, or out of order."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import connect

from chat_api.core.pubsub import PubSub
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.redis_proxy import RedisProxy, redis_proxy
from tests.support.sample_bots import RunningBot
from tests.support.v2_socket import close_code, frames_until, say, until_seq, v2_socket


@pytest.fixture
async def bus(redis_url: str) -> AsyncIterator[RedisProxy]:
    """What stands between the second process and Redis."""
    async with redis_proxy(redis_url) as proxy:
        yield proxy


@pytest.fixture
async def other(
    make_settings: MakeSettings, elena: RunningBot, marcus: RunningBot, bus: RedisProxy
) -> AsyncIterator[RunningApi]:
    """A second process on the same database and Redis."""
    async with running_api(make_settings(bots=(elena, marcus), redis_url=bus.url)) as running_one:
        yield running_one


async def test_missed_events_come_in_order_once(api: RunningApi) -> None:
    """Whatever happened meanwhile is replayed, then said to be all, and what follows joins seamlessly."""
    token = await api.login()
    async with v2_socket(api, token) as tab:
        welcome = (await frames_until(tab, "welcome"))[-1]
        await say(tab, "one")
        await until_seq(tab, 2)
    async with v2_socket(api, token, client_id="second") as second:
        for number in range(3):
            await say(second, f"missed {number}")
            await until_seq(second, 4 + 2 * number)
    async with v2_socket(api, token, since={"epoch": welcome["epoch"], "seq": 2}) as tab:
        frames = await frames_until(tab, "resumed")
        assert [frame["seq"] for frame in frames[1:]] == [3, 4, 5, 6, 7, 8, 8]
        assert [frame["data"]["role"] for frame in frames[1:-1]] == ["user", "bot"] * 3
        await say(tab, "next")
        assert [(frame["type"], frame["seq"]) for frame in await until_seq(tab, 10)] == [("ack", 9), ("message", 10)]


async def test_a_tab_that_knows_more_than_its_new_process_is_not_sent_back(
    api: RunningApi, other: RunningApi, bus: RedisProxy
) -> None:
    """The process it comes to has not heard yet of what another one told it: it reads that first."""
    token = await api.login()
    async with v2_socket(api, token) as tab, v2_socket(other, token, client_id="second") as second:
        welcome = (await frames_until(tab, "welcome"))[-1]
        await frames_until(second, "welcome")
        bus.deafen()
        await say(tab, "one")
        await until_seq(tab, 2)
        async with v2_socket(other, token, since={"epoch": welcome["epoch"], "seq": 2}) as back:
            frames = await frames_until(back, "resumed", "resync")
            assert frames[-1] == {"type": "resumed", "seq": 2}
            assert [frame["seq"] for frame in await until_seq(second, 2)] == [1, 2]
            await say(back, "two")
            assert [frame["seq"] for frame in await until_seq(back, 4)] == [3, 4]


async def test_a_late_signal_does_not_replace_the_newest_tab(api: RunningApi, redis_url: str) -> None:
    """A tab that has moved on from another process is not closed by what that one said of it before."""
    token = await api.login()
    user_id = (await api.services.auth.authenticate(token)).user_id
    elsewhere = PubSub(redis_url, deployment_id=_deployment_id(api))
    running = asyncio.create_task(elsewhere.run())
    try:
        await eventually(lambda: elsewhere.is_live)
        async with v2_socket(api, token) as tab:
            await frames_until(tab, "welcome")
            elsewhere.publish("replaced", [user_id, "tab", 0])
            elsewhere.publish("live", [user_id, "elena", True])  # comes after it, and is seen
            assert (await frames_until(tab, "bot_typing"))[-1]["is_typing"]
            await tab.send(json.dumps({"type": "ping"}))
            assert (await frames_until(tab, "pong"))[-1]
            elsewhere.publish("replaced", [user_id, "tab", 2**40])
            assert await close_code(tab) == 4000
    finally:
        running.cancel()
        await asyncio.wait([running])


async def test_a_late_hello_does_not_replace_the_newest_tab(api: RunningApi) -> None:
    """A tab's lost connection may still be read while its next one is served already: it takes nothing from that."""
    token = await api.login()
    async with connect(api.ws_url + token, proxy=None) as lost, v2_socket(api, token) as tab:
        await frames_until(tab, "welcome")
        await lost.send(json.dumps({"type": "hello", "v": 2, "client_id": "tab"}))
        await frames_until(lost, "welcome")
        await tab.send(json.dumps({"type": "ping"}))
        assert (await frames_until(tab, "pong"))[-1]


def _deployment_id(api: RunningApi) -> str:
    channel: bytes = api.services.feeds._pubsub._channel
    return channel.decode().split(":")[1]

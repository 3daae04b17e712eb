"""Feeds that are opened while the database or other processes get in the way."""

import asyncio
import math
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from chat_api.core.database import Database
from chat_api.core.errors import DatabaseUnavailable
from chat_api.core.pubsub import PubSub
from chat_api.messages import streams_repository as streams
from chat_api.messages import writes_repository as writes
from chat_api.messages.feeds import Feeds
from chat_api.messages.schemas import EventKind, NewMessage, StreamEvent
from tests.support.eventually import eventually
from tests.support.fault_proxy import Way
from tests.support.sql_proxy import SqlProxy, sql_proxy

USER = "weu_feeds"


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[SqlProxy]:
    """What stands between the feeds and PostgreSQL."""
    async with sql_proxy(database_url) as one:
        yield one


@pytest.fixture
async def near(proxy: SqlProxy) -> AsyncIterator[Database]:
    """The feeds' own database, with one connection."""
    database = Database(proxy.url, pool_size=2)
    yield database
    await database.dispose()


@pytest.fixture
async def pubsub(redis_url: str) -> AsyncIterator[tuple[PubSub, PubSub]]:
    """The feeds' own ear, and another process's voice."""
    ear, voice = (PubSub(redis_url, deployment_id=redis_url) for _ in range(2))
    tasks = [asyncio.create_task(one.run()) for one in (ear, voice)]
    await eventually(lambda: ear.is_live and voice.is_live)
    yield ear, voice
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def test_who_fails_to_open_a_feed_takes_nothing_from_the_next(
    near: Database, database: Database, proxy: SqlProxy, pubsub: tuple[PubSub, PubSub]
) -> None:
    """Two tabs come as PostgreSQL goes: the first is refused, the second one hears everything."""
    feeds = Feeds(near, pubsub[0])
    heard: list[StreamEvent] = []
    pid = await _warmed_up(near)
    proxy.stall(Way.BACK)
    first, second = (asyncio.create_task(feeds.follow(USER, heard.append, lambda _: None)) for _ in range(2))
    await eventually(lambda: _has_asked(database, pid))
    proxy.reset()
    await proxy.heal()
    with pytest.raises(DatabaseUnavailable):
        await first
    position = await second
    feeds.publish([StreamEvent(user_id=USER, seq=position.seq + 1, kind=EventKind.READ)])
    assert [event.seq for event in heard] == [1]


async def test_what_is_told_while_a_feed_opens_is_not_forgotten(
    near: Database,
    database: Database,
    proxy: SqlProxy,
    pubsub: tuple[PubSub, PubSub],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another process stores a message after our look at the stream, and before we have its answer."""
    monkeypatch.setattr(
        "chat_api.messages.feeds.POLL_ANYWAY_EVERY_S", math.inf
    )  # published, and not found by looking around
    ear, voice = pubsub
    feeds = Feeds(near, ear)
    payload = asyncio.Event()
    ear.subscribe("probe", lambda _: payload.set())
    heard: list[StreamEvent] = []
    pid = await _warmed_up(near)
    running = asyncio.create_task(feeds.run())
    try:
        proxy.stall(Way.BACK)
        following = asyncio.create_task(feeds.follow(USER, heard.append, lambda _: None))
        await eventually(lambda: _has_asked(database, pid))
        await _store(database)
        voice.publish("stream", [[USER, 1]])
        voice.publish("probe", None)
        await payload.wait()
        await proxy.heal()
        assert (await following).seq == 0
        await eventually(lambda: [event.seq for event in heard] == [1])
    finally:
        running.cancel()
        await asyncio.wait([running])


async def _warmed_up(near: Database) -> int:
    """Have the stream exist and the look at it prepared; the server process that does it."""
    await streams.position(near, USER)
    await streams.position(near, USER)
    return int((await near.fetch("SELECT pg_backend_pid() AS pid"))[0]["pid"])


async def _has_asked(database: Database, pid: int) -> bool:
    """Whether PostgreSQL has looked at the stream, and sent its answer."""
    statement = "SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND query = $2 AND state = 'idle'"
    return bool(await database.fetch(statement, pid, streams._POSITIONS))


async def _store(database: Database) -> None:
    message = NewMessage(
        message_id=uuid4(),
        user_id=USER,
        bot_name="elena",
        content="Hello",
        message_type="text",
        client_msg_id=None,
        request_hash=b"",
    )
    assert await writes.accept(database, [message], instance_id=uuid4())

"""Feeds: every follower gets every event once and in order, whichever process stored it, with Redis or without."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from chat_api.core.principals import Principal
from chat_api.messages.schemas import DeltaEvent, EventKind, GapEvent, LiveEvent, StreamEvent, TypingEvent
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.redis_proxy import RedisProxy, redis_proxy
from tests.support.sample_bots import RunningBot, sample_bot


class Follower:
    """What one follower was told."""

    def __init__(self) -> None:
        self.events: list[StreamEvent] = []
        self.live: list[LiveEvent] = []

    async def follow(self, api: RunningApi, user_id: str) -> int:
        """Begin; returns the place in the stream from which on it is told."""
        return (await api.services.feeds.follow(user_id, self.events.append, self.live.append)).seq

    @property
    def seqs(self) -> list[int]:
        """The places of what it was told."""
        return [event.seq for event in self.events]


@pytest.fixture
async def other(make_settings: MakeSettings, api: RunningApi, elena: RunningBot) -> AsyncIterator[RunningApi]:
    """A second process over the same database and Redis."""
    async with running_api(make_settings(bots=(elena,))) as second:
        await eventually(lambda: signals_live(api) and signals_live(second))
        yield second


def signals_live(api: RunningApi) -> bool:
    """Whether signals get through."""
    return api.services.feeds.is_live


async def principal_on(api: RunningApi, other: RunningApi) -> tuple[Principal, Principal]:
    """The same user in two processes."""
    token = await api.login("alice")
    return await api.services.auth.authenticate(token), await other.services.auth.authenticate(token)


async def test_what_one_process_stores_another_tells(api: RunningApi, other: RunningApi) -> None:
    """Messages through both at once: a follower in each sees the same gapless stream, each event once."""
    here, there = await principal_on(api, other)
    one, two = Follower(), Follower()
    assert await one.follow(api, here.user_id) == await two.follow(other, here.user_id) == 0
    await asyncio.gather(
        *(
            process.services.messages.send(person, bot_name="elena", content=f"message {number}")
            for number in range(5)
            for process, person in ((api, here), (other, there))
        )
    )
    expected = list(range(1, 21))
    await eventually(lambda: one.seqs == two.seqs == expected)
    assert {event.exchange.content for event in two.events if event.exchange} == {f"message {n}" for n in range(5)}


async def test_a_follower_begins_where_it_was_told(api: RunningApi) -> None:
    """Nothing from before, everything from after, also when the first follower came earlier."""
    alice = await api.principal("alice")
    await api.services.messages.send(alice, bot_name="elena", content="before")
    one, two = Follower(), Follower()
    assert await one.follow(api, alice.user_id) == 2
    await api.services.messages.send(alice, bot_name="elena", content="between")
    assert await two.follow(api, alice.user_id) == 4
    await api.services.messages.send(alice, bot_name="elena", content="after")
    assert (one.seqs, two.seqs) == ([3, 4, 5, 6], [5, 6])
    api.services.feeds.unfollow(alice.user_id, two.events.append)  # another bound method, and yet the same listener
    await api.services.messages.send(alice, bot_name="elena", content="later")
    assert (one.seqs[-1], two.seqs[-1]) == (8, 6)


async def test_typing_and_pieces_reach_other_processes(
    make_settings: MakeSettings, api: RunningApi, other: RunningApi
) -> None:
    """What is of the moment goes by signal, with its text."""
    user_id = (await api.principal("alice")).user_id
    there = Follower()
    await there.follow(other, user_id)
    typing = TypingEvent(user_id=user_id, bot_name="elena", is_typing=True)
    exchange = await api.services.messages.send(await api.principal("bob"), bot_name="elena", content="Hello")
    assert exchange.response_id is not None
    delta = DeltaEvent(
        user_id=user_id,
        bot_name="elena",
        message_id=exchange.response_id,
        reply_to=exchange.message_id,
        offset=3,
        text="piece 🌊",
    )
    api.services.feeds.publish_live(typing)
    api.services.feeds.publish_live(delta)
    await eventually(lambda: there.live == [replace(typing, is_lasting=True), delta])


async def test_events_out_of_order_and_doubled_are_told_in_order_and_once(api: RunningApi) -> None:
    """Whatever order they come in."""
    alice = await api.principal("alice")
    seen = Follower()
    await seen.follow(api, alice.user_id)
    await api.services.messages.send(alice, bot_name="elena", content="Hello")
    first, second = seen.events
    again = Follower()
    bob = await api.principal("bob")
    await again.follow(api, bob.user_id)

    def of_bob(event: StreamEvent) -> StreamEvent:
        return StreamEvent(user_id=bob.user_id, seq=event.seq, kind=event.kind, exchange=event.exchange)

    for event in (second, first, second, first):
        api.services.feeds.publish([of_bob(event)])
    assert again.seqs == [1, 2]


async def test_a_missing_event_is_read(api: RunningApi, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stored by somebody who told nobody: noticed at the next event, and told before it."""
    feeds = api.services.feeds
    monkeypatch.setattr("chat_api.messages.feeds.POLL_EVERY_S", 60.0)  # it shall not be found by looking around
    await eventually(lambda: feeds.is_live and not feeds._is_all_suspect)
    alice = await api.principal("alice")
    seen = Follower()
    await seen.follow(api, alice.user_id)
    exchange = await api.services.messages.send(alice, bot_name="elena", content="Hello")
    sql = await asyncpg.connect(database_url)
    await sql.execute(
        "WITH s AS (UPDATE web_streams SET last_seq = last_seq + 1 WHERE user_id = $1 RETURNING last_seq)"
        " INSERT INTO web_events (user_id, seq, kind, conversation_id) SELECT $1, last_seq, 'retried', $2 FROM s",
        alice.user_id,
        exchange.message_id,
    )
    await sql.close()
    await api.services.messages.send(alice, bot_name="elena", content="Again")
    await eventually(lambda: seen.seqs == [1, 2, 3, 4, 5])
    assert [event.kind for event in seen.events] == [
        EventKind.MESSAGE,
        EventKind.ANSWER,
        EventKind.RETRIED,
        EventKind.MESSAGE,
        EventKind.ANSWER,
    ]


async def test_a_hole_that_cannot_be_filled_is_said(api: RunningApi, database_url: str) -> None:
    """Events that were forgotten: the follower is told of the gap, and goes on after it."""
    alice = await api.principal("alice")
    seen = Follower()
    await seen.follow(api, alice.user_id)
    sql = await asyncpg.connect(database_url)
    await sql.execute("UPDATE web_streams SET last_seq = last_seq + 5 WHERE user_id = $1", alice.user_id)
    await sql.close()
    await api.services.messages.send(alice, bot_name="elena", content="After the hole")
    await eventually(lambda: seen.seqs == [6, 7])
    assert GapEvent(user_id=alice.user_id) in seen.live


async def test_replay_is_whole_or_nothing(api: RunningApi, monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    """All events between two places, or none: not those of a longer absence, and not with one of them forgotten."""
    alice = await api.principal("alice")
    for number in range(3):
        await api.services.messages.send(alice, bot_name="elena", content=f"message {number}")
    replay = api.services.feeds.replay
    whole = await replay(alice.user_id, after=2, up_to=6)
    assert whole is not None
    assert [event.seq for event in whole] == [3, 4, 5, 6]
    assert await replay(alice.user_id, after=6, up_to=6) == []
    assert await replay(alice.user_id, after=9, up_to=6) is None
    monkeypatch.setattr("chat_api.messages.feeds.MAX_REPLAY", 3)
    assert await replay(alice.user_id, after=2, up_to=6) is None
    assert await replay(alice.user_id, after=3, up_to=6) is not None
    sql = await asyncpg.connect(database_url)
    await sql.execute("DELETE FROM web_events WHERE seq = 4")
    await sql.close()
    assert await replay(alice.user_id, after=3, up_to=6) is None


async def test_old_events_are_forgotten(api: RunningApi, database_url: str) -> None:
    """After seven days; what was said stays in the history."""
    alice = await api.principal("alice")
    await api.services.messages.send(alice, bot_name="elena", content="Long ago")
    sql = await asyncpg.connect(database_url)
    await sql.execute("UPDATE web_events SET created_at = now() - interval '8 days' WHERE seq = 1")
    await api.services.feeds.prune()
    assert await sql.fetchval("SELECT array_agg(seq) FROM web_events") == [2]
    await sql.close()
    assert len((await api.services.messages.history(alice, "elena")).messages) == 2


@pytest.fixture
async def cut_redis(redis_url: str) -> AsyncIterator[RedisProxy]:
    """Redis behind a proxy."""
    async with redis_proxy(redis_url) as proxy:
        yield proxy


async def test_without_redis_delivery_goes_on(
    make_settings: MakeSettings, cut_redis: RedisProxy, elena: RunningBot
) -> None:
    """Redis is gone for one process, and later deaf: what the other stores is told all the same."""
    async with (
        running_api(make_settings(bots=(elena,), redis_url=cut_redis.url)) as cut,
        running_api(make_settings(bots=(elena,))) as other,
    ):
        here, there = await principal_on(cut, other)
        seen = Follower()
        await seen.follow(cut, here.user_id)
        await eventually(lambda: signals_live(cut))
        cut_redis.deafen(for_good=True)
        await other.services.messages.send(there, bot_name="elena", content="Do you hear me?")
        await eventually(lambda: seen.seqs == [1, 2])
        await cut_redis.cut()
        await other.services.messages.send(there, bot_name="elena", content="And now?")
        await eventually(lambda: seen.seqs == [1, 2, 3, 4])


async def test_turns_hold_across_processes(make_settings: MakeSettings) -> None:
    """One call in flight for a user and a bot, first in, first out, although two processes store the messages."""
    async with (
        sample_bot("elena", delay_ms=150) as slow,
        running_api(make_settings(bots=(slow,))) as one,
        running_api(make_settings(bots=(slow,))) as two,
    ):
        here, there = await principal_on(one, two)
        submissions = []
        for number in range(6):
            process, person = ((one, here), (two, there))[number % 2]
            submission = await process.services.messages.submit(person, bot_name="elena", content=f"m{number}")
            submissions.append((process, submission))
        answered = [await process.services.messages.result(item.exchange) for process, item in submissions]
        assert [call.message for call in await slow.calls()] == [f"m{number}" for number in range(6)]
        positions = [exchange.response_seq or 0 for exchange in answered]
        assert positions == sorted(positions)

"""Wake-ups between processes: what is heard, by whom, and what is noticed when nothing is."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
import redis.asyncio

from chat_api.core.database import Database
from chat_api.core.pubsub import PubSub, PubSubState
from chat_api.system.deployment_repository import deployment_id
from tests.support.eventually import DEADLINE_S, eventually
from tests.support.redis_proxy import RedisProxy, redis_proxy

DEPLOYMENT = uuid4().hex


class Listener:
    """One process's end, with what it heard."""

    def __init__(self, redis_url: str, deployment: str = DEPLOYMENT) -> None:
        self.pubsub = PubSub(redis_url, deployment_id=deployment)
        self.heard: list[Any] = []
        self.gap_count = 0
        self.pubsub.subscribe("news", self.heard.append)
        self.pubsub.on_gap(self._missed)

    def _missed(self) -> None:
        self.gap_count += 1


@asynccontextmanager
async def listening(*listeners: Listener) -> AsyncIterator[None]:
    """Run them until the block ends."""
    tasks = [asyncio.create_task(listener.pubsub.run()) for listener in listeners]
    try:
        await eventually(lambda: all(listener.pubsub.is_live for listener in listeners))
        yield
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes), outcomes


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[RedisProxy]:
    """A way to Redis that can fail."""
    async with redis_proxy(redis_url) as between:
        yield between


async def test_others_hear_it_in_order_and_oneself_does_not(redis_url: str) -> None:
    """Every other process of the deployment, once, in the order of publishing; other topics stay apart."""
    one, two, three = Listener(redis_url), Listener(redis_url), Listener(redis_url)
    async with listening(one, two, three):
        for number in range(500):
            one.pubsub.publish("news", {"number": number})
            one.pubsub.publish("weather", number)
        expected = [{"number": number} for number in range(500)]
        await eventually(lambda: two.heard == expected and three.heard == expected)
    assert one.heard == []


async def test_what_waits_travels_together(redis_url: str) -> None:
    """A thousand signals at once are a handful of messages."""
    one, two = Listener(redis_url), Listener(redis_url)
    async with listening(one, two), redis.asyncio.Redis.from_url(redis_url) as client:
        before = await _published(client)
        for number in range(1000):
            one.pubsub.publish("news", number)
        await eventually(lambda: len(two.heard) == 1000)
        assert await _published(client) - before < 50


async def test_big_payloads_are_split_and_the_buffer_is_bounded(redis_url: str) -> None:
    """At most so much waits; the rest is dropped, and the others are told that they missed it."""
    one, two = Listener(redis_url), Listener(redis_url)
    async with listening(one, two):
        await eventually(lambda: two.gap_count >= 1)
        before = two.gap_count
        for _ in range(300):
            one.pubsub.publish("news", "x" * 100_000)
        await eventually(lambda: len(two.heard) > 50)
        one.pubsub.publish("news", "after")
        await eventually(lambda: "after" in two.heard)
        assert len(two.heard) < 100
        assert two.gap_count > before


async def test_deployments_on_one_redis_do_not_hear_each_other(redis_url: str) -> None:
    """The channel carries the deployment's id."""
    one, same, other = Listener(redis_url), Listener(redis_url), Listener(redis_url, uuid4().hex)
    async with listening(one, same, other):
        one.pubsub.publish("news", 1)
        await eventually(lambda: same.heard)
        other.pubsub.publish("news", 2)
        one.pubsub.publish("news", 3)
        await eventually(lambda: same.heard == [1, 3])
    assert other.heard == []


async def test_a_failing_handler_and_a_strange_payload_harm_nobody(redis_url: str) -> None:
    """Publishing what is no JSON, or hearing with a handler that raises, changes nothing for the rest."""
    one, two = Listener(redis_url), Listener(redis_url)

    def fail(_: object) -> None:
        raise RuntimeError("a handler failed")

    two.pubsub.subscribe("news", fail)
    later: list[object] = []
    two.pubsub.subscribe("news", later.append)
    async with listening(one, two), redis.asyncio.Redis.from_url(redis_url) as client:
        one.pubsub.publish("news", object())
        for nonsense in ("", "{}", "[1]", "[1,2,[3]]", "\x00"):
            await client.publish(f"whisperengine:{DEPLOYMENT}:signals", nonsense)
        one.pubsub.publish("news", 1)
        await eventually(lambda: two.heard == [1] and later == [1])


async def test_redis_may_go_and_come_back(proxy: RedisProxy, redis_url: str) -> None:
    """Publishing goes on without effect; who could not hear and who could not be heard are both noticed."""
    cut_off, other = Listener(proxy.url), Listener(redis_url)
    async with listening(cut_off, other):
        before = other.gap_count, cut_off.gap_count
        await proxy.cut()
        await eventually(lambda: cut_off.pubsub.state is PubSubState.AWAY)
        assert not cut_off.pubsub.is_live
        cut_off.pubsub.publish("news", "lost")
        other.pubsub.publish("news", "not heard")
        await proxy.heal()
        await eventually(lambda: cut_off.pubsub.is_live)
        await eventually(lambda: other.gap_count > before[0] and cut_off.gap_count > before[1])
        cut_off.pubsub.publish("news", "found")
        await eventually(lambda: other.heard == ["found"])
    assert cut_off.heard == []


async def test_a_short_cut_is_a_gap_though_it_was_never_unlive(proxy: RedisProxy, redis_url: str) -> None:
    """Between two canaries a connection can be lost and made again: the subscriber is told that it missed something."""
    cut_off, other = Listener(proxy.url), Listener(redis_url)
    async with listening(cut_off, other):
        before = cut_off.gap_count
        await proxy.cut()
        other.pubsub.publish("news", "not heard")
        await proxy.heal()
        await eventually(lambda: cut_off.gap_count > before)


async def test_a_frozen_redis_is_away(proxy: RedisProxy) -> None:
    """Connections are up and nothing passes."""
    listener = Listener(proxy.url)
    async with listening(listener):
        proxy.freeze()
        await eventually(lambda: listener.pubsub.state is PubSubState.AWAY)
        assert listener.pubsub.stalled_for_s == 0
        await proxy.heal()
        await eventually(lambda: listener.pubsub.is_live)


async def test_a_deaf_listener_is_replaced(proxy: RedisProxy, redis_url: str) -> None:
    """The connection answers and hears nothing: its own canary tells, and a new one is made."""
    deaf, other = Listener(proxy.url), Listener(redis_url)
    async with listening(deaf, other):
        subscriptions, gaps = proxy.subscription_count, deaf.gap_count
        proxy.deafen()
        other.pubsub.publish("news", "not heard")
        await eventually(lambda: proxy.subscription_count > subscriptions)
        await eventually(lambda: deaf.pubsub.is_live and deaf.gap_count > gaps)
        other.pubsub.publish("news", "heard")
        await eventually(lambda: deaf.heard == ["heard"])


async def test_lasting_deafness_is_told_apart_from_absence(proxy: RedisProxy) -> None:
    """Redis answers, no listener hears: deaf, for longer and longer, until it ends."""
    deaf = Listener(proxy.url)
    async with listening(deaf):
        proxy.deafen(for_good=True)
        await eventually(lambda: deaf.pubsub.state is PubSubState.STALLED)
        await eventually(lambda: deaf.pubsub.stalled_for_s > 3)
        proxy.hear()
        await eventually(lambda: deaf.pubsub.is_live and deaf.pubsub.stalled_for_s == 0)


async def test_a_flushed_redis_changes_nothing(redis_url: str) -> None:
    """Nothing is kept there."""
    one, two = Listener(redis_url), Listener(redis_url)
    async with listening(one, two), redis.asyncio.Redis.from_url(redis_url) as client:
        await client.flushall()
        one.pubsub.publish("news", 1)
        await eventually(lambda: two.heard == [1])


async def test_without_any_redis_it_runs_ends_and_says_so() -> None:
    """An address where nobody is."""
    pubsub = PubSub("redis://127.0.0.1:1/0", deployment_id=DEPLOYMENT)
    assert pubsub.state is PubSubState.AWAY
    running = asyncio.create_task(pubsub.run())
    for number in range(10):
        pubsub.publish("news", number)
        await asyncio.sleep(0)
    assert pubsub.state is PubSubState.AWAY
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_it_can_run_again(redis_url: str) -> None:
    """Whoever supervises it may begin it anew."""
    one, two = Listener(redis_url), Listener(redis_url)
    async with listening(one, two):
        pass
    assert not one.pubsub.is_live
    async with listening(one, two):
        one.pubsub.publish("news", 1)
        await eventually(lambda: two.heard == [1])


async def test_it_ends_whenever_it_is_told_to(redis_url: str) -> None:
    """At whatever await it is: while it connects, subscribes, publishes or waits."""
    chance = random.Random(7)
    for _ in range(150):
        listener = Listener(redis_url)
        running = asyncio.create_task(listener.pubsub.run())
        for number in range(chance.randrange(120)):
            listener.pubsub.publish("news", number)
            await asyncio.sleep(0)
        running.cancel()
        done, _ = await asyncio.wait([running], timeout=DEADLINE_S)
        assert done, "it did not hear that it was cancelled"


async def test_a_deployment_has_one_id(database_url: str) -> None:
    """Many processes that start together on an empty database agree."""
    databases = [Database(database_url, pool_size=2) for _ in range(4)]

    async def ask(database: Database) -> str:
        async with database.statement() as connection:
            return await deployment_id(connection)

    try:
        found = await asyncio.gather(*(ask(database) for database in databases for _ in range(5)))
    finally:
        for database in databases:
            await database.dispose()
    assert len(set(found)) == 1
    assert found[0]


async def _published(client: "redis.asyncio.Redis") -> int:
    stats = await client.info("commandstats")
    return int(stats["cmdstat_publish"]["calls"])


class Log:
    """What the module would log."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def info(self, event: str, **_: object) -> None:
        """Keep it."""
        self.events.append(event)

    error = warning = debug = info


async def test_a_user_without_channels_is_said_once(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis keeps channels from us: one line names it, nothing is taken for stalled, and a right that comes is used."""
    log = Log()
    monkeypatch.setattr("chat_api.core.pubsub.REFUSED_RETRY_S", 0.2)
    monkeypatch.setattr("chat_api.core.pubsub.log", log)
    admin = redis.asyncio.from_url(redis_url)
    name = f"u{uuid4().hex[:8]}"
    rights: dict[str, Any] = {"passwords": ["+pw"], "categories": ["+@all"], "keys": ["*"], "reset_channels": True}
    await admin.acl_setuser(name, enabled=True, **rights)
    try:
        separator = "&" if "?" in redis_url else "?"
        kept = Listener(f"{redis_url}{separator}username={name}&password=pw")
        running = asyncio.create_task(kept.pubsub.run())
        await eventually(lambda: log.events)
        for _ in range(20):
            assert kept.pubsub.state is PubSubState.AWAY
            await asyncio.sleep(0.1)
        assert log.events == ["pubsub_refused"]
        await admin.acl_setuser(name, enabled=True, channels=["*"])
        await eventually(lambda: kept.pubsub.is_live)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    finally:
        await admin.acl_deluser(name)
        await admin.aclose()

"""Rate limits: whom they count, and that they outlive Redis."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import redis.asyncio

from chat_api.core.errors import RateLimited
from chat_api.core.rate_limits import RateLimits
from tests.support.api import MakeSettings, running_api
from tests.support.sample_bots import RunningBot


@asynccontextmanager
async def limits(redis_url: str | None, *, requests_per_minute: int = 5) -> AsyncIterator[RateLimits]:
    """The limits of one process."""
    process = RateLimits(redis_url=redis_url, requests_per_minute=requests_per_minute)
    try:
        yield process
    finally:
        await process.close()


async def allowed(process: RateLimits, who: str, *, tries: int = 20) -> int:
    """How many of some requests got through."""
    outcomes = await asyncio.gather(*(process.hit(who) for _ in range(tries)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} <= {type(None), RateLimited}
    return outcomes.count(None)


async def test_each_principal_has_a_limit_of_its_own(redis_url: str) -> None:
    """One that is too fast is told how long to wait, and takes nothing from the others."""
    async with limits(redis_url) as process:
        assert await allowed(process, "alice") == 5
        with pytest.raises(RateLimited) as refusal:
            await process.hit("alice")
        assert refusal.value.retry_after_s is not None
        assert 1 <= refusal.value.retry_after_s <= 120
        assert await allowed(process, "bobby") == 5


@pytest.mark.parametrize("has_redis", [True, False])
async def test_many_people_of_one_address_have_a_limit_together(redis_url: str, has_redis: bool) -> None:
    """Ten times one person's: 30 guests of one address, in whatever notation or corner of its /64, get no further."""
    async with limits(redis_url if has_redis else None) as process:
        told = []
        for number in range(30):
            address = f"2001:db8:7:7::{number:x}"
            told += await asyncio.gather(
                *(process.hit(f"guest {number}", address=address) for _ in range(5)), return_exceptions=True
            )
        assert told.count(None) == 50
        assert {type(one) for one in told} == {type(None), RateLimited}
        await process.hit("somebody else", address="2001:db8:7:8::1")
        await process.hit("somebody", address="192.0.2.1")
        await process.hit("somebody without an address")


async def test_what_the_address_refuses_costs_the_person_nothing(redis_url: str) -> None:
    """Once the crowd is gone, they have all of their own limit."""
    async with limits(redis_url, requests_per_minute=2) as process:
        for number in range(10):
            for _ in range(2):
                await process.hit(f"guest {number}", address="192.0.2.1")
        for _ in range(5):
            with pytest.raises(RateLimited):
                await process.hit("alice", address="::ffff:192.0.2.1")
        await process.hit("alice", address="192.0.2.2")


async def test_strangers_and_guesses_are_counted_by_network(redis_url: str) -> None:
    """Whoever has a /64 is one stranger, and has ten guesses a minute at an administrator's password."""
    async with limits(redis_url) as process:
        addresses = [f"2001:db8:9:9::{number:x}" for number in range(40)]
        guesses = await asyncio.gather(*(process.admin_login(one) for one in addresses), return_exceptions=True)
        assert guesses.count(None) == 10
        strange = await asyncio.gather(*(process.hit_address(one) for one in addresses), return_exceptions=True)
        assert strange.count(None) == 5
        await process.admin_login("2001:db8:9:a::1")


async def test_processes_share_their_counts(redis_url: str) -> None:
    """Through Redis, a user has one limit and not one a replica."""
    async with limits(redis_url) as one, limits(redis_url) as two:
        assert await allowed(one, "alice", tries=3) + await allowed(two, "alice", tries=10) == 5


@pytest.fixture
def closed_port() -> str:
    """A Redis that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"redis://127.0.0.1:{port}/0"


@pytest.fixture
async def silent_redis() -> AsyncIterator[str]:
    """A Redis that takes connections and never answers."""

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    server.close()


async def test_without_redis_each_process_counts_alone(closed_port: str) -> None:
    """Nothing fails, and the limit still holds."""
    async with limits(closed_port) as process:
        assert await allowed(process, "alice") == 5


async def test_a_hung_redis_costs_a_moment_only(silent_redis: str) -> None:
    """It is left alone for a while, and the limit still holds."""
    async with limits(silent_redis) as process:
        assert await allowed(process, "alice") == 5
        assert await allowed(process, "alice") == 0


async def test_without_redis_configured_there_are_limits_too() -> None:
    """In this process."""
    async with limits(None) as process:
        assert await allowed(process, "alice") == 5


async def test_the_api_serves_without_redis(make_settings: MakeSettings, closed_port: str, elena: RunningBot) -> None:
    """Sign in, chat, and be limited: by address as a stranger, by principal as a user."""
    settings = make_settings(bots=(elena,), redis_url=closed_port, rate_limit_requests_per_minute=6)
    async with running_api(settings) as api:
        token = await api.login()
        async with api.client(token) as client, api.client() as stranger:
            answer = await client.post("/api/chat", json={"content": "Hello", "bot_name": "elena"})
            assert answer.status_code == 200
            statuses = [(await client.get("/api/conversations")).status_code for _ in range(8)]
            assert statuses == [200] * 5 + [429] * 3
            # The login above was one of this address; its users' requests are their own.
            statuses = [(await stranger.get("/api/bots")).status_code for _ in range(8)]
            assert statuses == [200] * 5 + [429] * 3
            limited = await client.get("/api/me")
            assert limited.status_code == 429
            assert int(limited.headers["retry-after"]) >= 1
            assert (await stranger.get("/health")).status_code == 200
            assert (await client.post("/api/logout")).status_code == 200


async def test_redis_is_asked_for_shares(redis_url: str) -> None:
    """A hundred requests cost a few round trips, and still count for every process."""
    async with (
        limits(redis_url, requests_per_minute=1000) as one,
        limits(redis_url, requests_per_minute=1000) as two,
        redis.asyncio.Redis.from_url(redis_url) as client,
    ):

        async def scripts_run() -> int:
            stats = await client.info("commandstats")
            return sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "eval"))

        before = await scripts_run()
        for _ in range(100):
            await one.hit("alice")
        assert 1 <= await scripts_run() - before <= 4
        assert await allowed(one, "alice", tries=500) == 500
        # What the first process holds in hand may be refused to the second, a few shares at the most.
        assert 200 <= await allowed(two, "alice", tries=600) <= 400


async def test_what_costs_nothing_is_given_back(redis_url: str) -> None:
    """A repeated message that was stored already: the limit is as it was."""
    async with limits(redis_url) as process:
        for _ in range(10):
            await process.hit("alice")
            process.refund("alice")
        assert await allowed(process, "alice") == 5

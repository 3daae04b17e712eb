"""Several processes on one database: one leads, another takes over, and all show the same fleet."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from chat_api.background import leases_repository as leases
from chat_api.background.leader import LEASE, RENEW_EVERY_S, TTL_S, Leader
from chat_api.core.database import Database
from chat_api.core.pubsub import PubSub
from chat_api.fleet.schemas import BotStatus, ServiceStatus
from tests.support.api import MakeSettings, RunningApi, bots_config, running_api
from tests.support.eventually import eventually
from tests.support.ports import free_port
from tests.support.redis_proxy import redis_proxy
from tests.support.sample_bots import RunningBot
from tests.support.sql_proxy import sql_proxy

PROMISED_S = 15.0


class Candidate:
    """A process that would lead, reduced to its leader; ``ran`` counts how often its work began."""

    def __init__(self, database_url: str) -> None:
        self.database = Database(database_url, pool_size=2)
        self.pubsub = PubSub("redis://127.0.0.1:1/0", deployment_id=uuid4().hex)
        self.is_working = False
        self.ran = 0
        self.leader = Leader(self.database, self.pubsub, {"work": self._work})

    async def _work(self) -> None:
        self.ran += 1
        self.is_working = True
        try:
            await asyncio.Event().wait()
        finally:
            self.is_working = False


@asynccontextmanager
async def standing(*candidates: Candidate) -> AsyncIterator[None]:
    """Let them try to lead while the block runs."""
    tasks = [asyncio.create_task(candidate.leader.run()) for candidate in candidates]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for candidate in candidates:
            await candidate.database.dispose()


def leading(*apis: RunningApi) -> list[RunningApi]:
    """Those that lead now."""
    return [api for api in apis if api.app.state.leader.is_leader]


def status_of(api: RunningApi, name: str) -> str:
    """A bot as ``GET /api/bots`` shows it."""
    return next(bot.status for bot in api.services.fleet.public_bots() if bot.name == name)


async def test_a_lease_is_one_holders_until_it_ends_or_is_released(database_url: str) -> None:
    """Taken by one of many, renewed by its holder only, free once it is over or given back."""
    database = Database(database_url, pool_size=5)
    people = [uuid4() for _ in range(5)]

    async def acquire(holder: object, ttl_s: float = 60) -> bool:
        async with database.statement() as connection:
            return await leases.acquire(connection, LEASE, holder=holder, ttl_s=ttl_s)  # type: ignore[arg-type]

    try:
        outcomes = await asyncio.gather(*map(acquire, people))
        assert sum(outcomes) == 1
        holder = people[outcomes.index(True)]
        other = people[outcomes.index(False)]
        assert await acquire(holder)
        async with database.statement() as connection:
            await leases.release(connection, LEASE, holder=other)
        assert not await acquire(other)
        assert await acquire(holder, ttl_s=-1)
        assert await acquire(other)
    finally:
        await database.dispose()


def test_nobody_leads_for_a_short_time_only() -> None:
    """A lease that is not renewed runs out, and whoever waits for it asks soon after."""
    assert TTL_S + RENEW_EVERY_S <= PROMISED_S


async def test_one_of_several_works_and_resigning_hands_over(database_url: str) -> None:
    """The work runs once; after a resignation the lease is free at once, and the other leads."""
    one, two = Candidate(database_url), Candidate(database_url)
    async with standing(one, two):
        await eventually(lambda: one.is_working or two.is_working)
        first, second = (one, two) if one.is_working else (two, one)
        assert not second.is_working
        await first.leader.resign()
        assert not first.is_working
        async with second.database.read() as connection:
            assert await leases.acquire(connection, LEASE, holder=second.leader.holder, ttl_s=10)
        await eventually(lambda: second.is_working)
        assert not first.is_working
    assert (one.ran, two.ran) == (1, 1)


@pytest.mark.parametrize("is_hung", [False, True])
async def test_a_leader_that_cannot_renew_stops_before_its_lease_ends(database_url: str, is_hung: bool) -> None:
    """Cut off from the database it stops by its own clock, while by the database's it still holds the lease."""
    async with sql_proxy(database_url) as proxy:
        cut_off, other = Candidate(proxy.url), Candidate(database_url)
        async with standing(cut_off):
            await eventually(lambda: cut_off.is_working)
            if is_hung:
                proxy.freeze()
            else:
                await proxy.cut()
            await eventually(lambda: not cut_off.is_working)
            async with other.database.statement() as connection:
                assert not await leases.acquire(connection, LEASE, holder=other.leader.holder, ttl_s=10)
            async with standing(other):
                await eventually(lambda: other.is_working)
                assert not cut_off.is_working
                await proxy.heal()


async def test_two_applications_show_the_same_and_one_looks(make_settings: MakeSettings, elena: RunningBot) -> None:
    """The follower shows what the leader sees, bots and services, and says in its metrics that it does not lead."""
    settings = make_settings(bots=(elena,))
    async with running_api(settings) as one:
        await eventually(lambda: leading(one) and status_of(one, "elena") == "online")
        async with running_api(settings) as two:
            await eventually(lambda: status_of(two, "elena") == "online")
            await eventually(lambda: two.services.pubsub.is_live)
            await elena.kill()
            await eventually(lambda: status_of(one, "elena") == status_of(two, "elena") == "offline")
            await elena.start()
            await eventually(lambda: status_of(one, "elena") == status_of(two, "elena") == "online")
            await eventually(lambda: _looks(one) == _looks(two))
            assert leading(one, two) == [one]
            assert (await gauge(one, "whisperengine_web_leader"), await gauge(two, "whisperengine_web_leader")) == (
                1,
                0,
            )
            heartbeats = [api.services.fleet.current().bots[0].heartbeats for api in (one, two)]
            times = [{heartbeat.checked_at for heartbeat in beats} for beats in heartbeats]
            assert len(times[0] & times[1]) >= 3


async def test_a_follower_converges_without_redis(
    make_settings: MakeSettings, redis_url: str, elena: RunningBot
) -> None:
    """What the leader stores is read every second; nothing is needed but the database."""
    settings = make_settings(bots=(elena,))
    async with running_api(settings) as one, redis_proxy(redis_url) as proxy:
        await eventually(lambda: leading(one) and status_of(one, "elena") == "online")
        async with running_api(make_settings(bots=(elena,), redis_url=proxy.url)) as two:
            await eventually(lambda: two.services.pubsub.is_live)
            await proxy.cut()
            await eventually(lambda: not two.services.pubsub.is_live)
            await elena.kill()
            await eventually(lambda: status_of(two, "elena") == "offline")
            await elena.start()
            await eventually(lambda: status_of(two, "elena") == "online")
            assert leading(one, two) == [one]


async def test_a_clean_stop_hands_over_at_once(
    make_settings: MakeSettings, elena: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The release is published: the next leader waits neither for the lease to end nor for its turn to ask."""
    monkeypatch.setattr("chat_api.background.leader.TTL_S", 7200.0)
    monkeypatch.setattr("chat_api.background.leader.RENEW_EVERY_S", 3600.0)
    settings = make_settings(bots=(elena,))
    async with AsyncExitStack() as first_stack:
        one = await first_stack.enter_async_context(running_api(settings))
        await eventually(lambda: leading(one))
        async with running_api(settings) as two:
            await eventually(lambda: two.services.pubsub.is_live)
            await first_stack.aclose()
            await eventually(lambda: leading(two))


async def test_a_silent_leader_leaves_unknown_not_green(
    make_settings: MakeSettings, redis_url: str, elena: RunningBot
) -> None:
    """A follower that hears nothing more, over Redis or the database, does not go on saying "online"."""
    settings = make_settings(bots=(elena,))
    async with AsyncExitStack() as first_stack:
        one = await first_stack.enter_async_context(running_api(settings))
        await eventually(lambda: leading(one) and status_of(one, "elena") == "online")
        async with running_api(settings) as two:
            await eventually(lambda: status_of(two, "elena") == "online")
            await two.app.state.leader.resign()
            await first_stack.aclose()
            await eventually(lambda: two.services.fleet.current().bots[0].status is BotStatus.UNKNOWN)
            await eventually(
                lambda: all(
                    service.status in {ServiceStatus.UNKNOWN, ServiceStatus.NOT_CONFIGURED}
                    for service in two.services.fleet.current().services
                )
            )


async def test_another_leads_within_15_seconds_of_a_kill(
    request: pytest.FixtureRequest, make_settings: MakeSettings, elena: RunningBot, tmp_path: Path
) -> None:
    """A process that leads is killed with SIGKILL: another does its work, and sees the fleet, in time."""
    settings = make_settings(bots=(elena,))
    assert settings.database_url
    assert settings.redis_url
    environment = {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "WEB_UI_STATE_DIR": str(tmp_path / "other"),
        "WEB_UI_HOST": "127.0.0.1",
        "WEB_UI_PORT": str(free_port()),
        "BOTS_CONFIG": str(bots_config(tmp_path, elena)),
        "BOT_HEALTH_CHECK_INTERVAL": "0.5",
        "BOT_CANARY_INTERVAL": "0",
    }
    command = [sys.executable, "-m", "console.cli", "serve"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | environment, stdout=log, stderr=log)  # noqa: ASYNC220
    request.addfinalizer(process.kill)

    async def other_leads() -> bool:
        async with httpx.AsyncClient(trust_env=False) as client:
            text = (await client.get(f"http://127.0.0.1:{environment['WEB_UI_PORT']}/metrics")).text
        return "whisperengine_web_leader 1.0" in text

    await eventually(other_leads)
    async with running_api(settings) as api:
        await eventually(lambda: status_of(api, "elena") == "online")
        assert not leading(api)
        process.send_signal(signal.SIGKILL)
        process.wait()
        await elena.kill()
        await eventually(lambda: leading(api))
        await eventually(lambda: status_of(api, "elena") == "offline")


async def gauge(api: RunningApi, name: str) -> float:
    """A metric without labels."""
    async with api.client() as client:
        text = (await client.get("/metrics")).text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    return families[name].samples[0].value


def _looks(api: RunningApi) -> dict[str, str]:
    return {service.name: service.status.value for service in api.services.fleet.current().services}

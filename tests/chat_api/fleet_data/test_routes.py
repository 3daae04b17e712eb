"""The fleet's stores through the doors: with all of them configured, and with none."""

import csv
import io
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
from redis.asyncio import Redis

from models import Role
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.fleet_tables import V1_TABLES, V2_TABLES, say
from tests.support.influx import TOKEN, running_influx, table
from tests.support.sample_bots import RunningBot


async def test_a_fleet_is_seen_through_its_stores(
    make_settings: MakeSettings, empty_database_url: str, redis_url: str, marcus: RunningBot
) -> None:
    """A bot that only announces itself is in the fleet; its life, its queue and their metrics are told."""
    now = datetime.now(UTC).replace(tzinfo=None)
    sql = await asyncpg.connect(empty_database_url)
    await sql.execute(V1_TABLES + V2_TABLES)
    await sql.execute("INSERT INTO characters (name, normalized_name) VALUES ('Marcus of the Table', 'marcus')")
    await say(sql, [("marcus", role, now - timedelta(minutes=3), f"m{role}") for role in ("human", "ai")])
    await sql.close()
    async with Redis.from_url(redis_url) as redis, running_influx() as influx:
        influx.body = table("reactions", "string,string,long", "bot_name,_value,_field", "marcus,positive,4")
        await redis.set("whisper:discovery:endpoint:marcus", f"http://localhost:{marcus.port}", ex=3600)
        await redis.zadd("arq:action", {"job": datetime.now(UTC).timestamp() * 1000 - 60_000})
        settings = make_settings(
            fleet_database_url=empty_database_url,
            fleet_redis_url=redis_url,
            influxdb_url=f"{influx.url}/",
            influxdb_token=TOKEN,
        )
        async with running_api(settings) as api, api.client(await api.admin_login(Role.VIEWER)) as client:

            async def seen() -> bool:
                bot = (await client.get("/api/admin/bots/marcus")).json()
                return bool(bot.get("status") == "online" and bot["display_name"] == "Marcus of the Table")

            await eventually(seen)
            bot = (await client.get("/api/admin/bots/marcus")).json()
            assert bot["declared_by"] == ["Redis key whisper:discovery:endpoint:marcus"]
            assert "PostgreSQL table characters" in bot["sources"]
            life = (await client.get("/api/admin/fleet-data", params={"window": "1h"})).json()
            (marcus_life,) = life["bots"]
            assert (marcus_life["discord_people"], marcus_life["discord_bot"], marcus_life["events"]) == (1, 1, None)
            assert marcus_life["reactions"] == {"positive": 4, "negative": 0, "removed": 0}
            assert {store["store"]: store["state"] for store in life["stores"]} == {
                "history": "ok",
                "influxdb": "ok",
                "console": "ok",
            }
            text = (await client.get("/api/admin/fleet-data", params={"window": "1h", "format": "csv"})).text
            (row,) = csv.DictReader(io.StringIO(text))
            assert (row["discord_people"], row["events"], row["reactions_positive"]) == ("1", "", "4")
            assert (await client.get("/api/admin/fleet-data/anatomy")).json() == []
            await _expect_queue(client)
            assert TOKEN not in text + str(life)


async def _expect_queue(client: httpx.AsyncClient) -> None:
    """The queue with one job, as an answer, as a dependency, as metrics and as a series."""

    async def watched() -> bool:
        queues = (await client.get("/api/admin/fleet-data/queues")).json()["queues"]
        return bool(queues)

    await eventually(watched)
    queues = {one["queue"]: one for one in (await client.get("/api/admin/fleet-data/queues")).json()["queues"]}
    assert (queues["action"]["depth"], queues["action"]["state"], queues["cognition"]["depth"]) == (1, "ok", 0)
    assert queues["action"]["oldest_job_s"] >= 60
    status = (await client.get("/api/admin/status")).json()
    assert status["services"]["queue-action"]["status"] == "healthy"

    async def measured() -> bool:
        metrics = (await client.get("/metrics")).text
        return 'whisperengine_web_queue_jobs{queue="action"} 1.0' in metrics

    await eventually(measured)

    async def recorded() -> bool:
        points = (await client.get("/api/admin/services/queue-action/series", params={"window": "1h"})).json()["points"]
        return any(point["max_ms"] == 1.0 for point in points)

    await eventually(recorded)


async def test_without_stores_everything_is_missing_and_nothing_is_an_error(api: RunningApi) -> None:
    """An installation that configures none of them is as it always was."""
    async with api.client(await api.admin_login(Role.VIEWER)) as client:
        answer = await client.get("/api/admin/fleet-data")
        assert answer.status_code == 200
        life = answer.json()
        assert [store["state"] for store in life["stores"]] == ["not_configured", "not_configured", "ok"]
        assert {bot["discord_people"] for bot in life["bots"]} == {None}
        assert (await client.get("/api/admin/fleet-data/queues")).json() == {"queues": []}
        services = (await client.get("/api/admin/status")).json()["services"]
        assert not [name for name in services if name.startswith("queue-")]
